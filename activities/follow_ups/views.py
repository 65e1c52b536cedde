"""``/api/activities/follow-ups``, and under ``/api/leads/{lead_id}`` the calls ``follow-ups`` and ``log``."""

from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from activities.follow_ups import listing, work
from activities.follow_ups.querysets import MAX_FOLLOW_UPS, TOO_MANY, AlreadyDone, TooManyFollowUps
from activities.follow_ups.serializers import (
    CompleteSerializer,
    DoneSerializer,
    FollowUpCreateSerializer,
    FollowUpOutSerializer,
    FollowUpUpdateSerializer,
    LoggedSerializer,
    LogSerializer,
    follow_up_out,
    work_out,
)
from activities.follow_ups.work import Work
from activities.limits import LeadFull
from activities.models import FollowUp
from crm_project import json_schema as schema
from crm_project.http import dry_run
from crm_project.http.errors import or_404, or_409
from crm_project.http.json import read
from crm_project.http.pagination import PAGING, PagePagination, optional_page
from crm_project.http.parameters import checked, flag
from crm_project.http.schema import operation
from crm_project.http.schema_components import LOCATION, OPTIONAL_PAGE, WALK
from crm_project.http.viewsets import RuleViewSet, require_permission
from crm_project.json_schema import IDENTIFIER
from leads import included
from leads.queries import DUE
from leads.serializers import INCLUDE
from leads.views import NO_LEAD, active_lead, by_api, included_keys
from users.models import User

NO_FOLLOW_UP = "Follow-up not found"
PERMISSIONS = {
    "destroy": "activities.delete_activity"
}  # for follow-ups of other users; other actions need ``CHANGE_PERMISSION``
CHANGE_PERMISSION = "activities.change_activity"
NOT_YOURS = "You neither made it nor is it yours, and you do not have the permission to {} activities"
DONE = OpenApiParameter("done", schema.boolean(), description="Those that are done, instead of the open ones")
LIST = [
    OpenApiParameter(
        "assignee",
        {"type": "string", "pattern": "^(?:me|none|[0-9]+)?$"},
        description="Assigned to: `me`, a user's id, or `none`, which is also a deactivated user's",
    ),
    OpenApiParameter("due", {"type": "string", "enum": [*DUE]}, description="By the office's day"),
    OpenApiParameter("lead", IDENTIFIER, description="Of this lead"),
    DONE,
    *WALK,
]


class _WorkViewSet(RuleViewSet):
    """The base of calls that log an activity, change the status and plan a follow-up together."""

    tag = "Follow-ups"
    queryset = FollowUp.objects.all()
    serializer_class = FollowUpOutSerializer

    def work_reply(self, done: Work, names: dict[str, str], code: int) -> Response:
        """Return the objects of the reply. In a dry run, what is new has no id."""
        reply = work_out(done, names)
        included.add_to([reply["lead"]], included_keys(self.request))
        headers = {"Location": f"/api/activities/{done.activity.pk}"} if code == 201 and done.activity else {}
        if dry_run.is_wanted(self.request):
            new = [key for key, part in names.items() if part in ("activity", "planned") and reply[key]]
            reply |= {key: {**reply[key], "id": None} for key in new}
            if done.done and done.activity:
                reply["follow_up"]["activity_id"] = None
        return Response(reply, code, headers=headers)

    def user(self) -> User:
        """Return the token's user."""
        return cast(User, self.request.user)


class LeadFollowUpsViewSet(_WorkViewSet):
    """The follow-ups of one active lead."""

    input_classes = {"create": FollowUpCreateSerializer, "log": LogSerializer}
    strict_actions = ("list", "create", "log")
    dry_run_actions = ("create", "log")
    query_parameters = {"list": (*PAGING, "done"), "log": ("include",)}

    @operation(
        "list_follow_ups_of_lead", "List a lead's follow-ups", "The follow-ups", parameters=[DONE, *OPTIONAL_PAGE]
    )
    def list(self, request: Request, lead_id: str) -> Response:
        """Return the open follow-ups by due date, or the done ones; with `page` or `size` one page."""
        number = self.path_id("lead_id", NO_LEAD)
        done = checked("done", request.query_params.get("done", ""), flag)
        page = optional_page(request.query_params)
        active_lead(number)
        conditions = [listing.of_lead(number), listing.is_done(bool(done))]
        size, offset = (page.size, page.offset) if page else (MAX_FOLLOW_UPS, 0)
        return Response(listing.LIST.fetch_page(conditions, size, offset)[0])

    @operation(
        "create_follow_up",
        "Plan a follow-up",
        "The follow-up",
        201,
        refusals={409: f"{TOO_MANY}; nothing was stored"},
        parameters=[LOCATION],
    )
    def create(self, request: Request, lead_id: str) -> Response:
        """Store a follow-up. It is assigned to the token's user unless `assignee_id` is another active user or null."""
        number = self.path_id("lead_id", NO_LEAD)
        serializer = self.validate_body()
        with or_404(NO_LEAD), or_409(TooManyFollowUps):
            serializer.instance = FollowUp.objects.plan(number, serializer.validated_data, by_api(request))
        headers = {"Location": f"/api/activities/follow-ups/{serializer.instance.pk}"}
        return Response(serializer.data, status.HTTP_201_CREATED, headers=headers)

    @operation(
        "log_activity",
        "Log an activity, move the status and plan a follow-up",
        "What was logged, the lead, and the follow-up",
        201,
        response=LoggedSerializer,
        refusals={409: "The lead has too many activities or follow-ups; nothing was stored"},
        parameters=[INCLUDE, LOCATION],
    )
    def log(self, request: Request, lead_id: str) -> Response:
        """Log the activity, set the status and plan the follow-up in one transaction: all of them or none."""
        number = self.path_id("lead_id", NO_LEAD)
        included_keys(request)
        clean = self.validate_body().validated_data
        with or_404(NO_LEAD), or_409(LeadFull, TooManyFollowUps):
            done = work.log(number, self.user(), by_api(request), **clean)
        names = {"activity": "activity", "lead": "lead", "follow_up": "planned"}
        return self.work_reply(done, names, status.HTTP_201_CREATED)


class FollowUpViewSet(_WorkViewSet):
    """The follow-ups of all active leads."""

    input_classes = {"update": FollowUpUpdateSerializer, "done": CompleteSerializer}
    pagination_class = PagePagination
    strict_actions = ("list", "retrieve", "update", "destroy", "done")
    dry_run_actions = ("update", "destroy", "done")
    query_parameters = {"list": (*listing.FILTERS, "count", "after"), "done": ("include",)}
    replica_actions = ("list",)

    @operation("list_follow_ups", "List follow-ups of all leads", "The follow-ups of the page", parameters=LIST)
    def list(self, request: Request) -> Response:
        """Return the open follow-ups of active leads by due date, or the done ones. A repeated filter matches any of
        its values.
        """
        return listing.LIST.reply(request, cast(PagePagination, self.paginator))

    @operation("get_follow_up", "Get a follow-up", "The follow-up", refusals={404: NO_FOLLOW_UP})
    def retrieve(self, request: Request, follow_up_id: str) -> Response:
        """Return one follow-up of an active lead."""
        return Response(follow_up_out(self._found(follow_up_id)))

    @operation(
        "update_follow_up",
        "Move, reassign or reword a follow-up",
        "The follow-up",
        refusals={403: NOT_YOURS.format("change"), 404: NO_FOLLOW_UP},
    )
    def update(self, request: Request, follow_up_id: str) -> Response:
        """Write the fields that are sent. Allowed for its creator and its assignee, and with the permission to change
        activities.
        """
        follow_up = self._allowed(follow_up_id)
        self.stored = follow_up
        serializer = self.validate_body()
        with or_404(NO_FOLLOW_UP):
            serializer.instance = FollowUp.objects.change(follow_up.pk, serializer.validated_data, by_api(request))
        return Response(serializer.data)

    @operation(
        "delete_follow_up",
        "Delete a follow-up",
        "Deleted",
        204,
        refusals={403: NOT_YOURS.format("delete"), 404: NO_FOLLOW_UP},
    )
    def destroy(self, request: Request, follow_up_id: str) -> Response:
        """Delete the follow-up. Allowed for its creator and its assignee, and with the permission to delete activities.
        The lead's history has its values.
        """
        follow_up = self._allowed(follow_up_id)
        with or_404(NO_FOLLOW_UP):
            FollowUp.objects.remove(follow_up.pk, by_api(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @operation(
        "complete_follow_up",
        "Mark a follow-up done",
        "The follow-up, what was logged, the lead, and the next follow-up",
        response=DoneSerializer,
        refusals={
            403: NOT_YOURS.format("change"),
            404: NO_FOLLOW_UP,
            409: "It was done before, or the lead has too many activities or follow-ups; nothing was stored",
        },
        parameters=[INCLUDE],
    )
    def done(self, request: Request, follow_up_id: str) -> Response:
        """Mark the follow-up done, log the activity, set the status and plan the next follow-up in one transaction: all
        of them or none.
        """
        included_keys(request)
        follow_up = self._allowed(follow_up_id)
        clean = self.validate_body().validated_data if read(request) else {}
        parts = {name: clean.get(name) for name in ("activity", "status", "next")}
        with or_404(NO_FOLLOW_UP), or_409(AlreadyDone, LeadFull, TooManyFollowUps):
            done = work.complete(follow_up.pk, self.user(), by_api(request), **parts)
        names = {"follow_up": "done", "activity": "activity", "lead": "lead", "next": "planned"}
        return self.work_reply(done, names, status.HTTP_200_OK)

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context with the follow-up to change as ``stored``."""
        return {**super().get_serializer_context(), "stored": getattr(self, "stored", None)}

    def _found(self, follow_up_id: str) -> FollowUp:
        found = FollowUp.objects.of_active_leads().filter(pk=self.path_id("follow_up_id", NO_FOLLOW_UP)).first()
        if found is None:
            raise NotFound(NO_FOLLOW_UP)
        return found

    def _allowed(self, follow_up_id: str) -> FollowUp:
        """Return the follow-up; raise a 403 if the user neither created nor has it, and has no permission."""
        follow_up = self._found(follow_up_id)
        if self.user().pk not in (follow_up.created_by_id, follow_up.assignee_id):
            require_permission(self.request, PERMISSIONS.get(self.action, CHANGE_PERMISSION))
        return follow_up
