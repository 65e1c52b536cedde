"""``/api/dashboard``."""

from rest_framework.request import Request
from rest_framework.response import Response

from activities import sql
from crm_project.http.schema import operation
from crm_project.http.viewsets import RuleViewSet
from dashboard import queries
from dashboard.serializers import DashboardStatsSerializer

RECENT = 10  # activities


class DashboardViewSet(RuleViewSet):
    """The figures of the office."""

    tag = "Dashboard"
    serializer_class = DashboardStatsSerializer

    @operation("get_dashboard", "Dashboard", "The figures")
    def retrieve(self, request: Request) -> Response:
        """Return figures about the active leads, and the last activities."""
        return Response({**queries.stats(), "recent_activities": sql.latest(RECENT)})
