"""``/api/leads/{lead_id}/activities`` (list, create one or many) and ``/api/leads/{lead_id}/history``."""

from typing import Any, cast

from django.db import DataError, IntegrityError
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from activities import all_activities, history, sql
from activities.changing import change_activity, delete_activity
from activities.limits import MAX_TOTAL_TEXT, TOO_MANY, LeadFull
from activities.models import Activity
from activities.serializers import (
    ActivityCreateSerializer,
    ActivityOutSerializer,
    ActivityUpdateSerializer,
    HistoryEntrySerializer,
    VocabularySerializer,
    activity_out,
)
from activities.validators import MAX_TYPE
from activities.vocabulary import vocabulary
from crm_project import json_schema as schema
from crm_project.http.errors import ApiError, or_404, or_409
from crm_project.http.pagination import PAGING, Page, PagePagination, optional_page
from crm_project.http.schema import operation
from crm_project.http.schema_components import LOCATION, OPTIONAL_PAGE, WALK
from crm_project.http.streaming import json_array
from crm_project.http.viewsets import RuleViewSet, require_permission
from crm_project.json_schema import DAY, IDENTIFIER
from leads.models import Lead
from leads.views import NO_LEAD, active_lead, by_api
from users.audit import Channel
from users.models import User

NO_ACTIVITY = "Activity not found"
LIST = [
    OpenApiParameter("lead", IDENTIFIER, description="Of this lead"),
    OpenApiParameter(
        "user", {"type": "string", "pattern": "^(?:me|[0-9]+)?$"}, description="By this user: `me` or an id"
    ),
    OpenApiParameter("type", schema.text(MAX_TYPE), description="Of this type"),
    OpenApiParameter("from", DAY, description="On this day or later"),
    OpenApiParameter("to", DAY, description="On this day or earlier"),
    *WALK,
]
PERMISSIONS = {
    "update": "activities.change_activity",
    "destroy": "activities.delete_activity",
}  # for activities of other users
NOT_YOURS = "It is another user's, and you do not have the permission to {} activities"


CHANGE_REFUSALS = {
    403: NOT_YOURS.format("change"),
    404: NO_ACTIVITY,
    409: f"The lead would have more than {MAX_TOTAL_TEXT >> 20} MB of text",
}


class ActivityViewSet(RuleViewSet):
    """The activities of one active lead."""

    tag = "Activities"
    queryset = Activity.objects.all()
    serializer_class = ActivityOutSerializer
    input_classes = {"create": ActivityCreateSerializer}
    bulk = True
    dry_run_actions = ("create",)
    query_parameters = {"list": PAGING}

    @operation("list_activities", "List a lead's activities", "The activities", parameters=OPTIONAL_PAGE)
    def list(self, request: Request, lead_id: str) -> HttpResponseBase:
        """Return all activities, latest first; with `page` or `size` one page."""
        number = self.path_id("lead_id", NO_LEAD)
        if page := optional_page(request.query_params):
            return self._page(number, page)
        activities = sql.of_lead(number, sql.MAX_IN_MEMORY + 1)
        if activities is None:
            raise NotFound(NO_LEAD)
        if len(activities) > sql.MAX_IN_MEMORY:  # many are streamed, so that they are not all in memory
            del activities
            return json_array(sql.parts_of_lead(number))
        return Response(activities)  # as the serializer has them; a test compares the two

    def _page(self, lead_id: int, page: Page) -> Response:
        activities = sql.page_of_lead(lead_id, page.offset, page.size)
        if activities is None:
            raise NotFound(NO_LEAD)
        return Response(activities)

    @operation(
        "create_activities",
        "Create an activity, or many",
        "An object for an object, else an array",
        201,
        refusals={
            400: "An empty list, or rows that the database refused; nothing was stored",
            409: f"{TOO_MANY}, with {MAX_TOTAL_TEXT >> 20} MB of text; nothing was stored",
        },
        parameters=[LOCATION],
    )
    def create(self, request: Request, lead_id: str) -> Response:
        """Create one activity from an object, or all activities of an array, in its order, or none. The author is the
        token's user.
        """
        number = self.path_id("lead_id", NO_LEAD)
        if request.data == []:
            active_lead(number)  # a missing lead is reported before an empty list
        serializer = self.validate_body()
        self.perform_create(serializer, number)
        instance = serializer.instance
        headers = {} if isinstance(instance, list) else {"Location": f"/api/activities/{instance.pk}"}
        return Response(serializer.data, status.HTTP_201_CREATED, headers=headers)

    def perform_create(self, serializer: Any, lead_id: int) -> None:
        """Store one activity, or many, all or none."""
        rows = serializer.validated_data
        many = isinstance(rows, list)
        author, program = cast(User, self.request.user), by_api(self.request).program
        try:
            with or_404(NO_LEAD), or_409(LeadFull):
                stored = Activity.objects.log(lead_id, author, rows if many else [rows], Channel.API, program)
        except (IntegrityError, DataError):
            raise ApiError(status.HTTP_400_BAD_REQUEST, "Bulk insert failed") from None
        serializer.instance = stored if many else stored[0]


class AllActivitiesViewSet(RuleViewSet):
    """The activities of all active leads."""

    tag = "Activities"
    queryset = Activity.objects.all()
    serializer_class = ActivityOutSerializer
    input_classes = {"update": ActivityUpdateSerializer}
    pagination_class = PagePagination
    strict_actions = ("list", "retrieve", "update", "destroy")
    dry_run_actions = ("update", "destroy")
    query_parameters = {"list": (*all_activities.FILTERS, "count", "after")}
    replica_actions = ("list",)

    @operation("list_all_activities", "List activities of all leads", "The activities of the page", parameters=LIST)
    def list(self, request: Request) -> Response:
        """Return the activities of active leads, latest first. A repeated filter matches any of its values."""
        return all_activities.LIST.reply(request, cast(PagePagination, self.paginator))

    @operation("get_activity", "Get an activity", "The activity", refusals={404: NO_ACTIVITY})
    def retrieve(self, request: Request, activity_id: str) -> Response:
        """Return one activity of an active lead."""
        return Response(activity_out(self._found(activity_id)))

    @operation("update_activity", "Update an activity", "The activity", refusals=CHANGE_REFUSALS, methods=["PUT"])
    @operation(
        "patch_activity",
        "Update an activity (the same as PUT)",
        "The activity",
        refusals=CHANGE_REFUSALS,
        methods=["PATCH"],
    )
    def update(self, request: Request, activity_id: str) -> Response:
        """Write the fields that are sent; PUT and PATCH do the same. Allowed for the author, and with the permission to
        change activities. The lead's history has the earlier values.
        """
        activity = self._found(activity_id)
        self._check_permission(activity)
        serializer = self.validate_body()
        with or_404(NO_ACTIVITY), or_409(LeadFull):
            serializer.instance = change_activity(activity.pk, serializer.validated_data, by_api(request))
        return Response(serializer.data)

    @operation(
        "delete_activity",
        "Delete an activity",
        "Deleted",
        204,
        refusals={403: NOT_YOURS.format("delete"), 404: NO_ACTIVITY},
    )
    def destroy(self, request: Request, activity_id: str) -> Response:
        """Delete the activity. Allowed for the author, and with the permission to delete activities. The lead's history
        has its values.
        """
        activity = self._found(activity_id)
        self._check_permission(activity)
        with or_404(NO_ACTIVITY):
            delete_activity(activity.pk, by_api(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _found(self, activity_id: str) -> Activity:
        found = Activity.objects.of_active_leads().filter(pk=self.path_id("activity_id", NO_ACTIVITY)).first()
        if found is None:
            raise NotFound(NO_ACTIVITY)
        return found

    def _check_permission(self, activity: Activity) -> None:
        if activity.user_id != self.request.user.pk:
            require_permission(self.request, PERMISSIONS[self.action])


class VocabularyViewSet(RuleViewSet):
    """The choices of statuses, sources, activity types and tags."""

    tag = "Leads"
    queryset = Lead.objects.active()
    serializer_class = VocabularySerializer
    strict_actions = ("vocabulary",)

    @operation("get_vocabulary", "List statuses, sources, activity types and tags", "The words, with their numbers")
    def vocabulary(self, request: Request) -> Response:
        """Return the words of active leads and their activities with their counts, and all statuses of the pipeline."""
        return Response(vocabulary())


class HistoryViewSet(RuleViewSet):
    """The history of one active lead."""

    tag = "Leads"
    queryset = Lead.objects.active()
    serializer_class = HistoryEntrySerializer
    pagination_class = PagePagination

    @operation("list_history", "List a lead's history", "The entries of the page")
    def list(self, request: Request, lead_id: str) -> Response:
        """Return one page of the history, newest first. The entry of the creation has no changes: the initial values
        follow from the present ones and the changes since.
        """
        number = self.path_id("lead_id", NO_LEAD)
        _, page = self.validate_query()
        active_lead(number)
        return Response(history.page(number, page.offset, page.size))
