"""``/api/leads``."""

from django.urls import path

from leads.bulk_views import ManyLeadsViewSet
from leads.consent_views import ConsentViewSet
from leads.duplicate_views import DuplicateViewSet
from leads.export_views import ExportViewSet
from leads.import_views import ImportViewSet
from leads.label_views import LabelViewSet
from leads.views import LeadViewSet

urlpatterns = [
    path(
        "leads",
        ManyLeadsViewSet.as_view({"get": "list", "post": "create", "patch": "bulk_update", "delete": "bulk_delete"}),
    ),
    path("leads/duplicates", DuplicateViewSet.as_view({"get": "search"})),
    path("leads/<lead_id>/duplicates", DuplicateViewSet.as_view({"get": "list"})),
    path("leads/import", ImportViewSet.as_view({"post": "import_file"})),
    path("leads/imports", ImportViewSet.as_view({"get": "list"})),
    path("leads/imports/<import_id>", ImportViewSet.as_view({"get": "retrieve"})),
    path("leads/imports/<import_id>/rejects", ImportViewSet.as_view({"get": "rejects"})),
    path("leads/imports/<import_id>/undo", ImportViewSet.as_view({"post": "undo"})),
    path("leads/export", ExportViewSet.as_view({"get": "export"})),
    path("leads/assign", LabelViewSet.as_view({"post": "assign"})),
    path("leads/tags", LabelViewSet.as_view({"post": "tag_many"})),
    path("leads/delete", ManyLeadsViewSet.as_view({"post": "delete_chosen"})),
    path(
        "leads/<lead_id>",
        LeadViewSet.as_view({"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}),
    ),
    path("leads/<lead_id>/owner", LabelViewSet.as_view({"put": "set_owner"})),
    path("leads/<lead_id>/consents", ConsentViewSet.as_view({"get": "list", "post": "create"})),
    path("leads/<lead_id>/tags", LabelViewSet.as_view({"put": "set_tags"})),
    path("leads/<lead_id>/restore", ManyLeadsViewSet.as_view({"post": "restore"})),
]
