"""The dashboard's reply, for the OpenAPI schema."""

from typing import Any

from rest_framework import serializers

from activities.serializers import ActivityOutSerializer
from crm_project.http.serializers import SchemaField
from crm_project.json_schema import vocabulary
from leads.validators import PIPELINE


class StatusCountSerializer(serializers.Serializer[Any]):
    """How many active leads have one status."""

    status = SchemaField(vocabulary(PIPELINE, {"type": "string"}))
    count = SchemaField({"type": "integer", "examples": [12]})


class DashboardStatsSerializer(serializers.Serializer[Any]):
    """The figures of the office."""

    total_leads = serializers.IntegerField()
    new_leads_this_week = serializers.IntegerField(help_text="Created since 00:00 UTC seven days ago")
    closed_leads_this_month = serializers.IntegerField(
        help_text="Closed now, and since 00:00 UTC on the first of the month"
    )
    total_activities = serializers.IntegerField()
    leads_by_status = StatusCountSerializer(many=True, help_text="In the order of the pipeline, then by name")
    recent_activities = ActivityOutSerializer(many=True, help_text="The last ten")
