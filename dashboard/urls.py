"""``/api/dashboard``."""

from django.urls import path

from dashboard.views import DashboardViewSet

urlpatterns = [path("dashboard", DashboardViewSet.as_view({"get": "retrieve"}))]
