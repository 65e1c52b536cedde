"""``/api/dashboard``."""

from datetime import UTC
from typing import ClassVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from activities import sql
from crm_project.http.parameters import checked, time_zone
from crm_project.http.schema import operation
from crm_project.http.viewsets import RuleViewSet
from dashboard import queries
from dashboard.serializers import DashboardStatsSerializer

RECENT = 10  # activities
ZONE = OpenApiParameter(
    "tz", {"type": "string", "examples": ["America/Chicago"]}, description="Time zone of the week and the month; UTC"
)


class DashboardViewSet(RuleViewSet):
    """The figures of the office."""

    tag = "Dashboard"
    serializer_class = DashboardStatsSerializer
    query_parameters: ClassVar = {"retrieve": ("tz",)}
    replica_actions = ("retrieve",)

    @operation("get_dashboard", "Dashboard", "The figures", parameters=[ZONE])
    def retrieve(self, request: Request) -> Response:
        """Return figures about the active leads, and the last activities."""
        zone = checked("tz", request.query_params.get("tz", ""), time_zone) or UTC
        return Response({**queries.stats(zone=zone), "recent_activities": sql.latest(RECENT)})
