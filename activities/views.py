"""``/api/leads/{lead_id}/activities`` (list, create one or many) and ``/api/leads/{lead_id}/history``."""

from typing import Any, cast

from django.db import DataError, IntegrityError
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from activities import history, sql
from activities.limits import MAX_TOTAL_TEXT, TOO_MANY, LeadFull
from activities.models import Activity
from activities.serializers import ActivityCreateSerializer, ActivityOutSerializer, HistoryEntrySerializer
from crm_project.http.errors import ApiError
from crm_project.http.pagination import PagePagination
from crm_project.http.schema import operation
from crm_project.http.streaming import json_array
from crm_project.http.viewsets import RuleViewSet
from leads.models import Lead
from leads.views import NO_LEAD, active_lead
from users.audit import Channel
from users.models import User


class ActivityViewSet(RuleViewSet):
    """The activities of one active lead."""

    tag = "Activities"
    queryset = Activity.objects.all()
    serializer_class = ActivityOutSerializer
    input_classes = {"create": ActivityCreateSerializer}
    bulk = True

    @operation("list_activities", "List a lead's activities", "The activities")
    def list(self, request: Request, lead_id: str) -> HttpResponseBase:
        """All of them, latest first."""
        number = self.path_id("lead_id", NO_LEAD)
        activities = sql.of_lead(number, sql.TOGETHER + 1)
        if activities is None:
            raise NotFound(NO_LEAD)
        if len(activities) > sql.TOGETHER:  # many are never in memory together
            del activities
            return json_array(sql.parts_of_lead(number))
        return Response(activities)  # as the serializer has them; a test compares the two

    @operation(
        "create_activities",
        "Create an activity, or many",
        "An object for an object, else an array",
        201,
        refusals={
            400: "An empty list, or rows that the database refused; nothing was stored",
            409: f"{TOO_MANY}, with {MAX_TOTAL_TEXT >> 20} MB of text; nothing was stored",
        },
    )
    def create(self, request: Request, lead_id: str) -> Response:
        """One activity from an object; from an array all of its activities, in its order, or none. The author is the
        token's user.
        """
        number = self.path_id("lead_id", NO_LEAD)
        if request.data == []:
            active_lead(number)  # of an empty list and a missing lead, the lead is reported
        serializer = self.validate_body()
        self.perform_create(serializer, number)
        return Response(serializer.data, status.HTTP_201_CREATED)

    def perform_create(self, serializer: Any, lead_id: int) -> None:
        """Store one activity, or many, all or none."""
        rows = serializer.validated_data
        many = isinstance(rows, list)
        author = cast(User, self.request.user)
        try:
            stored = Activity.objects.log(lead_id, author, rows if many else [rows], Channel.API)
        except Lead.DoesNotExist:
            raise NotFound(NO_LEAD) from None
        except LeadFull as full:
            raise ApiError(status.HTTP_409_CONFLICT, str(full)) from None
        except (IntegrityError, DataError):
            raise ApiError(status.HTTP_400_BAD_REQUEST, "Bulk insert failed") from None
        serializer.instance = stored if many else stored[0]


class HistoryViewSet(RuleViewSet):
    """Who did what to one active lead."""

    tag = "Leads"
    queryset = Lead.objects.active()
    serializer_class = HistoryEntrySerializer
    pagination_class = PagePagination

    @operation("list_history", "List a lead's history", "The entries of the page")
    def list(self, request: Request, lead_id: str) -> Response:
        """One page of who did what to an active lead and when, newest first. A new lead's own entry has no changes: its
        values are those of now, less the changes since.
        """
        number = self.path_id("lead_id", NO_LEAD)
        _, page = self.validate_query()
        active_lead(number)
        return Response(history.page(number, page.offset, page.size))
