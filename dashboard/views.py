"""``/api/dashboard``."""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request

from activities import reading
from crm_project.api.views import ApiViewSet, written
from dashboard import queries
from dashboard.serializers import OPERATIONS

RECENT = 10  # activities


@extend_schema_view(**OPERATIONS)
class DashboardViewSet(ApiViewSet):
    """One page of figures."""

    def list(self, request: Request) -> HttpResponse:
        """Counts, leads by status, and the last ten activities."""
        return written({**queries.stats(), "recent_activities": reading.latest(RECENT)})
