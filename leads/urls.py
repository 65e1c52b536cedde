"""``/api/leads``."""

from django.urls import path

from leads.views import LeadViewSet

urlpatterns = [
    path("leads", LeadViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "leads/<lead_id>",
        LeadViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
]
