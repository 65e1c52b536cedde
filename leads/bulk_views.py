"""``/api/leads`` for many leads at once, and for deleted ones: bulk change, delete, restore."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.errors import ApiError, ValidationFailed
from crm_project.http.json import JSONRows
from crm_project.http.parameters import checked, choice
from crm_project.http.schema import operation
from crm_project.http.schema_components import ETAG, LOCATION
from crm_project.validation import MISSING, FieldError, InvalidValue, with_location
from leads import included
from leads.chosen_leads import IDS, MAX_FILTERED, MAX_IDS, ChosenLeads, ChosenLeadsSerializer, ids_in_query, refusal
from leads.duplicates import duplicates_of_many, duplicates_of_one, lock_creation
from leads.etags import etag
from leads.models import Lead
from leads.querysets import BudgetRangeError, VersionConflict, VersionConflicts
from leads.selection import LeadsMissing, SelectionChanged
from leads.serializers import INCLUDE, LeadBulkUpdateSerializer, LeadOutSerializer, lead_out
from leads.views import NO_LEAD, LeadViewSet, by_api

REFUSE, SKIP = "refuse", "skip"
MAX_REPORTED = 100  # possible duplicates in one response
ON_DUPLICATE = OpenApiParameter(
    "on_duplicate",
    {"type": "string", "enum": [REFUSE, SKIP]},
    description="If there may be such a lead: `refuse` is a 409, `skip` (of a single lead) a 200 with that lead",
)
MISSING_IDS = "Some ids are of no active lead: `{detail, ids}`; nothing was changed"
TOO_MANY = f"More than {MAX_IDS:,} ids"
CHOICE_REFUSALS = {
    404: MISSING_IDS,
    409: "The filter finds another number of leads than `expected`; nothing was changed",
    413: f"{TOO_MANY}, or more than {MAX_FILTERED:,} leads",
}


class DuplicateFound(Exception):
    """The new lead may duplicate ``lead``, and ``on_duplicate`` is ``skip``."""

    def __init__(self, lead: Lead) -> None:
        super().__init__(f"lead {lead.pk}")
        self.lead = lead


class ManyLeadsViewSet(LeadViewSet):
    """Create with ``on_duplicate``, and the calls that change, delete or restore leads."""

    input_classes = {
        **LeadViewSet.input_classes,
        "bulk_update": LeadBulkUpdateSerializer,
        "delete_chosen": ChosenLeadsSerializer,
    }
    strict_actions = ("bulk_update", "bulk_delete", "delete_chosen", "restore")
    array_actions = ("bulk_update",)
    dry_run_actions = (*LeadViewSet.dry_run_actions, *strict_actions)
    query_parameters = {
        **LeadViewSet.query_parameters,
        **dict.fromkeys(("bulk_update", "restore"), ("include",)),
        "bulk_delete": ("id",),
        "create": ("include", "on_duplicate"),
    }

    @operation(
        "create_leads",
        "Create a lead, or many",
        "An object for an object, else an array",
        201,
        refusals={
            200: OpenApiResponse(LeadOutSerializer, description="With `on_duplicate=skip`: the lead that is there"),
            400: "An empty list, or rows that the database refused; nothing was stored",
            409: "With `on_duplicate=refuse`: `{detail, duplicates}`; nothing was stored",
        },
        parameters=[INCLUDE, ON_DUPLICATE, ETAG, LOCATION],
    )
    def create(self, request: Request) -> Response:
        """Create one lead from an object, or all leads of an array, in its order, or none. With `on_duplicate`, only if
        no active lead may be the same person.
        """
        try:
            response: Response = super().create(request)
            return response
        except DuplicateFound as existing:
            row = lead_out(existing.lead)
            included.add_to([row], self.included())
            return Response(row, headers={"ETag": etag(existing.lead)})

    def perform_create(self, serializer: Any) -> None:
        """Store one new lead. Of a possible duplicate, raise ``DuplicateFound`` or a 409, as ``on_duplicate`` says."""
        if not (action := self._on_duplicate()):
            super().perform_create(serializer)
            return
        with transaction.atomic():
            lock_creation()
            found = duplicates_of_one(serializer.validated_data)
            if found and action == SKIP:
                raise DuplicateFound(Lead.objects.get(pk=found[0]["id"]))
            self._refuse(found)
            super().perform_create(serializer)

    def perform_bulk_create(self, serializer: Any) -> JSONRows:
        """Store many new leads, all or none. Raise a 409 for possible duplicates if ``on_duplicate`` is ``refuse``."""
        if not (action := self._on_duplicate()):
            return super().perform_bulk_create(serializer)
        if action == SKIP:
            message = "Value error, skip is for a single lead"
            raise ValidationFailed([FieldError("value_error", ("query", "on_duplicate"), message, SKIP)])
        with transaction.atomic():
            lock_creation()
            self._refuse(duplicates_of_many(serializer.validated_data))
            return super().perform_bulk_create(serializer)

    def _on_duplicate(self) -> str | None:
        given = self.request.query_params.get("on_duplicate", "")
        return checked("on_duplicate", given, lambda given: choice(given, (REFUSE, SKIP)))

    @staticmethod
    def _refuse(found: list[dict[str, Any]]) -> None:
        if found:
            detail = "There are possible duplicates; nothing was stored"
            raise ApiError(status.HTTP_409_CONFLICT, detail, more={"duplicates": found[:MAX_REPORTED]})

    @operation(
        "update_leads",
        "Update many leads",
        "The leads, in the order of the request",
        refusals={
            400: "An empty array",
            404: MISSING_IDS,
            409: "Some leads are not at the `version` that was sent: `{detail, indexes}`; nothing was changed",
            413: f"More than {MAX_IDS:,} leads",
        },
        parameters=[INCLUDE],
    )
    def bulk_update(self, request: Request) -> Response:
        """Write the fields that are sent, of up to 1,000 leads, all or none. With `version`, a lead is changed only if
        it is still at that version.
        """
        keys = self.included()
        serializer = self.validate_body()
        changes = [(row.pop("id"), row.pop("version"), row) for row in serializer.validated_data]
        try:
            leads = Lead.objects.update_each(changes, by_api(request))
        except LeadsMissing as missing:
            raise refusal(missing) from None
        except VersionConflicts as moved:
            detail = "Some leads were changed meanwhile; nothing was changed"
            raise ApiError(status.HTTP_409_CONFLICT, detail, more={"indexes": moved.indexes}) from None
        except BudgetRangeError as crossed:
            raise ValidationFailed(with_location(crossed.problems, "body")) from None
        rows = [lead_out(lead) for lead in leads]
        included.add_to(rows, keys)
        return Response(rows)

    @operation(
        "delete_leads",
        "Delete many leads",
        "Deleted",
        204,
        refusals={404: MISSING_IDS, 413: TOO_MANY},
        parameters=[OpenApiParameter("id", IDS, required=True, explode=False, description="Their ids")],
    )
    def bulk_delete(self, request: Request) -> Response:
        """Delete up to 1,000 leads softly, all or none. `id` is repeated, or has commas."""
        given = request.query_params.getlist("id")
        try:
            ids = ids_in_query(given)
        except InvalidValue as invalid:
            kind, message = (invalid.type, invalid.msg) if any(text.strip(" ,") for text in given) else MISSING
            raise ValidationFailed([FieldError(kind, ("query", "id"), message, ",".join(given) or None)]) from None
        return self._delete(ChosenLeads.of_ids(ids))

    @operation(
        "delete_chosen_leads",
        "Delete many leads, by ids or a filter",
        "Deleted",
        204,
        refusals=CHOICE_REFUSALS,
    )
    def delete_chosen(self, request: Request) -> Response:
        """Delete leads softly, all or none: those with these `ids`, or up to 50,000 active leads that a `filter` finds.
        A filter has the filter parameters of the list. `expected` is the number of leads that it should find.
        """
        chosen: ChosenLeads = self.validate_body().validated_data["chosen"]
        chosen.check_size()
        return self._delete(chosen)

    def _delete(self, chosen: ChosenLeads) -> Response:
        try:
            chosen.leads.update_leads("is_active", False, by_api(self.request), chosen.agreed)
        except (LeadsMissing, SelectionChanged) as changed:
            raise refusal(changed) from None
        return Response(status=status.HTTP_204_NO_CONTENT)

    @operation(
        "restore_lead",
        "Restore a deleted lead",
        "The lead",
        refusals={404: "No such lead", 409: "The lead was merged into another, or erased"},
        parameters=[INCLUDE, ETAG],
    )
    def restore(self, request: Request, lead_id: str) -> Response:
        """Undo a soft deletion. A lead that is not deleted remains unchanged."""
        number = self.path_id("lead_id", NO_LEAD)
        keys = self.included()
        lead = self._restore(number)
        row: dict[str, Any] = lead_out(lead)
        included.add_to([row], keys)
        return Response(row, headers={"ETag": etag(lead)})

    def _restore(self, lead_id: int) -> Lead:
        while True:
            lead = Lead.objects.filter(pk=lead_id).first()
            if lead is None:
                raise NotFound(NO_LEAD)
            if lead.merged_into_id is not None:
                raise ApiError(status.HTTP_409_CONFLICT, f"The lead was merged into lead {lead.merged_into_id}")
            if lead.is_erased:
                raise ApiError(status.HTTP_409_CONFLICT, "The lead's personal data were erased")
            try:
                actor = by_api(self.request)
                return Lead.objects.update_lead(lead_id, {"is_active": True}, actor, {lead.version}, active=False)
            except VersionConflict:  # it was changed since it was read: read it again
                continue
