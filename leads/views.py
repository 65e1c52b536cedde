"""``/api/leads``: list, create one or many, get, update, delete softly."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from django.db import DataError, IntegrityError
from drf_spectacular.utils import OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.errors import ApiError, ValidationFailed, or_404
from crm_project.http.json import JSONRows
from crm_project.http.pagination import PagePagination
from crm_project.http.parameters import checked
from crm_project.http.schema import operation
from crm_project.http.schema_components import ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION
from crm_project.http.viewsets import RuleViewSet
from crm_project.validation import FieldError, with_location
from leads import included, list_view, sql
from leads.etags import etag, matches_if_none_match, parse_if_match, tag_of
from leads.filters import LeadFilter
from leads.list_view import LeadList, is_plain
from leads.models import Lead
from leads.querysets import BudgetRangeError, VersionConflict
from leads.serializers import INCLUDE, LeadCreateSerializer, LeadOutSerializer, LeadUpdateSerializer, row_out
from users.audit import Actor, Channel
from users.models import ApiKey, User

NO_LEAD = "Lead not found"
TOO_SHORT = "Value error, too short to search for among so many leads; three letters in a row will do"
MOVED = {412: "`If-Match` names another version of the lead; nothing was changed"}


class LeadViewSet(RuleViewSet):
    """Active leads; a softly deleted one is a 404 here."""

    tag = "Leads"
    queryset = Lead.objects.active()
    serializer_class = LeadOutSerializer
    input_classes = {"create": LeadCreateSerializer, "update": LeadUpdateSerializer}
    filterset_class = LeadFilter
    pagination_class = PagePagination
    bulk = True
    dry_run_actions: ClassVar[Collection[str]] = ("create", "update", "destroy")
    replica_actions = ("list",)
    query_parameters = {
        "list": list_view.PARAMETERS,
        **dict.fromkeys(("create", "retrieve", "update", "destroy"), ("include",)),
    }

    @operation("list_leads", "List leads", "The leads of the page", parameters=[*list_view.DOCUMENTED])
    def list(self, request: Request) -> Response:
        """Return one page of the active leads that match all filters, newest first."""
        try:
            if not is_plain(request):
                return LeadList(request, self.validate_query()).reply()
            filters, page = self.validate_query()
            return Response(
                sql.fetch_page(filters, page.offset, page.size)
            )  # equal to the serializer's; a test compares them
        except sql.SearchTimeout:
            query = request.query_params["q"]
            raise ValidationFailed([FieldError("value_error", ("query", "q"), TOO_SHORT, query)]) from None

    @operation(
        "create_leads",
        "Create a lead, or many",
        "An object for an object, else an array",
        201,
        refusals={400: "An empty list, or rows that the database refused; nothing was stored"},
        parameters=[INCLUDE, ETAG, LOCATION],
    )
    def create(self, request: Request) -> Response:
        """Create one lead from an object, or all leads of an array, in its order, or none."""
        self.included()
        serializer = self.validate_body()
        if isinstance(serializer.validated_data, list):
            return Response(self.perform_bulk_create(serializer), status.HTTP_201_CREATED)
        self.perform_create(serializer)
        return self.lead_reply(serializer, status.HTTP_201_CREATED)

    @operation(
        "get_lead",
        "Get a lead",
        "The lead",
        refusals={304: OpenApiResponse(description="The client has it already")},
        parameters=[INCLUDE, ETAG, IF_NONE_MATCH],
    )
    def retrieve(self, request: Request, lead_id: str) -> Response:
        """Return one active lead. With `If-None-Match`, only if its `ETag` is another."""
        keys = self.included()
        found = sql.fetch_one(self.path_id("lead_id", NO_LEAD))
        if not found:
            raise NotFound(NO_LEAD)
        lead, version = found
        included.add_to([lead], keys)
        tag = tag_of(version, lead["activity_count"])
        # The included keys may change while the tag remains.
        if not keys and matches_if_none_match(tag, request.META.get("HTTP_IF_NONE_MATCH")):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        return Response(lead, headers={"ETag": tag})

    @operation(
        "update_lead",
        "Update a lead",
        "The lead",
        refusals=MOVED,
        methods=["PUT"],
        parameters=[INCLUDE, ETAG, IF_MATCH],
    )
    @operation(
        "patch_lead",
        "Update a lead (the same as PUT)",
        "The lead",
        refusals=MOVED,
        methods=["PATCH"],
        parameters=[INCLUDE, ETAG, IF_MATCH],
    )
    def update(self, request: Request, lead_id: str) -> Response:
        """Write the fields that are sent; PUT and PATCH do the same. `budget_min` must not be above `budget_max`, even
        if only one of them is sent. With `If-Match`, only if the lead still has that `ETag`.
        """
        number = self.path_id("lead_id", NO_LEAD)
        self.included()
        serializer = self.validate_body()
        self.perform_update(serializer, number)
        return self.lead_reply(serializer)

    @operation("delete_lead", "Delete a lead", "Deleted", 204, refusals=MOVED, parameters=[IF_MATCH])
    def destroy(self, request: Request, lead_id: str) -> Response:
        """Delete the lead softly: it can be restored, and no other call finds it. With `If-Match`, only if the lead
        still has that `ETag`.
        """
        self.perform_destroy(self.path_id("lead_id", NO_LEAD))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def perform_create(self, serializer: LeadCreateSerializer) -> None:
        """Store one new lead."""
        with _rechecking_references(serializer):
            serializer.instance = Lead.objects.create_lead(serializer.validated_data, by_api(self.request))

    def perform_bulk_create(self, serializer: Any) -> JSONRows:
        """Store many new leads, all or none. Their JSON is written while the database stores them."""
        keys = self.included()
        rows, actor = serializer.validated_data, by_api(self.request)
        try:
            if not keys:
                return JSONRows(Lead.objects.bulk_create_leads(rows, actor, _as_json))
            parts = Lead.objects.bulk_create_leads(rows, actor, _as_rows)
        except (IntegrityError, DataError):
            raise ApiError(status.HTTP_400_BAD_REQUEST, "Bulk insert failed") from None
        leads = [lead for part in parts for lead in part]
        included.add_to(leads, keys)
        return JSONRows([JSONRows.part(leads)])

    def perform_update(self, serializer: LeadUpdateSerializer, lead_id: int) -> None:
        """Write the fields that were sent."""
        with _rechecking_references(serializer):
            serializer.instance = self.change_lead(lead_id, serializer.validated_data)

    def perform_destroy(self, lead_id: int) -> None:
        """Delete softly."""
        self.change_lead(lead_id, {"is_active": False})

    def change_lead(self, lead_id: int, clean: dict[str, Any]) -> Lead:
        """Write clean values if `If-Match` allows it, and return the lead; raise a 404, 412 or 422 otherwise."""
        versions = parse_if_match(self.request.META.get("HTTP_IF_MATCH"))
        try:
            with or_404(NO_LEAD):
                return Lead.objects.update_lead(lead_id, clean, by_api(self.request), versions)
        except VersionConflict as moved:
            now = {"ETag": etag(moved.lead)}
            raise ApiError(status.HTTP_412_PRECONDITION_FAILED, "The lead was changed meanwhile", now) from None
        except BudgetRangeError as crossed:
            raise ValidationFailed(with_location(crossed.problems, "body")) from None

    def lead_reply(self, serializer: Any, status_code: int = status.HTTP_200_OK) -> Response:
        """Return the response with the lead that was written, and what ``include`` adds."""
        lead, headers = serializer.data, {"ETag": etag(serializer.instance)}
        if status_code == status.HTTP_201_CREATED:
            headers["Location"] = f"/api/leads/{serializer.instance.pk}"
        included.add_to([lead], self.included())
        return Response(lead, status_code, headers=headers)

    def included(self) -> tuple[str, ...]:
        """Return the keys of ``include``; raise a 422 for an unknown one."""
        return included_keys(self.request)


def _as_json(rows: list[dict[str, Any]]) -> bytes:
    return JSONRows.part(_as_rows(rows))


def _as_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row_out(row) for row in rows]


@contextmanager
def _rechecking_references(serializer: Any) -> Iterator[None]:
    """Raise a 422 if the write in this block fails because the row of a foreign key was deleted meanwhile."""
    try:
        yield
    except IntegrityError:
        serializer.check_references(serializer.validated_data)
        raise


def included_keys(request: Request) -> tuple[str, ...]:
    """Return the keys of ``include``; raise a 422 for an unknown one."""
    if "include" not in request.query_params:
        return ()
    given = request.query_params.getlist("include")
    return checked("include", given[-1], lambda _: included.parse(given)) or ()


def by_api(request: Request) -> Actor:
    """Return the token's user, or the program with the user's key, as the actor of an API call."""
    program = request.auth.name if isinstance(request.auth, ApiKey) else ""
    return Actor.of(cast(User, request.user), Channel.API, program)


def active_lead(lead_id: int) -> Lead:
    """Return the active lead with that id; raise a 404 if there is none."""
    with or_404(NO_LEAD):
        return Lead.objects.active().get(pk=lead_id)
