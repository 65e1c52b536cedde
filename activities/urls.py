"""``/api/leads/{lead_id}/activities`` and ``/api/leads/{lead_id}/history``."""

from django.urls import path

from activities.views import ActivityViewSet, HistoryViewSet

urlpatterns = [
    path("leads/<lead_id>/history", HistoryViewSet.as_view({"get": "list"})),
    path("leads/<lead_id>/activities", ActivityViewSet.as_view({"get": "list", "post": "create"})),
]
