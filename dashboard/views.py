"""``/api/dashboard``."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request

from activities import reading
from crm_project import hot
from crm_project.api.views import ApiViewSet, written
from dashboard import queries
from dashboard.serializers import OPERATIONS

RECENT = 10  # activities


@extend_schema_view(**OPERATIONS)
class DashboardViewSet(ApiViewSet):
    """One page of figures."""

    def ahead(self, request: Request, **kwargs: Any) -> Sequence[hot.Read]:
        """Both reads, as far as PostgreSQL keeps the counts."""
        return queries.read_of_kept(queries.periods(timezone.now())), reading.read_of_latest(RECENT)

    def list(self, request: Request) -> HttpResponse:
        """Counts, leads by status, and the last ten activities."""
        return written({**queries.stats(), "recent_activities": reading.latest(RECENT)})
