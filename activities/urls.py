"""``/api/leads/{lead_id}/activities``."""

from django.urls import path

from activities.views import ActivityViewSet

urlpatterns = [
    path("leads/<lead_id>/activities", ActivityViewSet.as_view({"get": "list", "post": "create"})),
]
