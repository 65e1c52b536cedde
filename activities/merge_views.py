"""``POST /api/leads/{lead_id}/merge``."""

from typing import Any

from django.db import transaction
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from activities.merge import merge as merge_leads
from crm_project import json_schema, validation
from crm_project.http.errors import ApiError, ValidationFailed
from crm_project.http.reply_options import EXTRA
from crm_project.http.schema import operation
from crm_project.http.schema_components import ETAG, IF_MATCH
from crm_project.http.serializers import Checked, RuleSerializer
from crm_project.http.viewsets import require_permission
from crm_project.validation import MAX_BIGINT, FieldError, FieldRule, InvalidValue
from leads.chosen_leads import refusal
from leads.etags import etag, parse_if_match
from leads.merge import FIELDS, MAX, MergeRejected, Plan
from leads.models import Lead
from leads.selection import LeadsMissing
from leads.serializers import INCLUDE, LeadOutSerializer
from leads.views import MOVED, NO_LEAD, LeadViewSet, by_api

PERMISSION = "leads.merge_leads"


def _merged(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise InvalidValue("list_type", "Input should be a valid list")
    if not 1 <= len(value) < MAX:
        kind, least_or_most = (
            ("too_short", "at least 1 item") if not value else ("too_long", f"at most {MAX - 1} items")
        )
        raise InvalidValue(kind, f"List should have {least_or_most} after validation, not {len(value)}")
    return tuple(dict.fromkeys(validation.integer(item, 1, MAX_BIGINT) for item in value))


def _take(value: object) -> Any:
    if not isinstance(value, dict):
        raise InvalidValue("dict_type", "Input should be a valid dictionary")
    return value


_merge_schema = {
    "type": "array",
    "items": json_schema.IDENTIFIER,
    "minItems": 1,
    "maxItems": MAX - 1,
    "description": "The leads to merge into this one",
    "examples": [[12]],
}
_take_schema = {
    "type": "object",
    "additionalProperties": json_schema.IDENTIFIER,
    "description": "By field, the lead whose value this lead gets; other fields remain unchanged",
    "examples": [{"phone": 12}],
}


class MergeSerializer(RuleSerializer):
    """The leads to merge into this one, and the fields whose values it takes from them."""

    field_rules = {
        "merge": FieldRule(_merged, schema=_merge_schema),
        "take": FieldRule(_take, default={}, schema=_take_schema),
    }
    output_class = LeadOutSerializer

    def known_fields(self) -> set[str]:
        """Return only the fields of the rules; those of the reply are unknown."""
        return set(self.field_rules)

    def check(self, row: object) -> Checked:
        """Return the clean values, with the ids in ``take`` as integers, and all errors."""
        clean, errors = super().check(row)
        take: dict[str, int] = {}
        for name, value in clean.get("take", {}).items():
            if name not in FIELDS:
                errors.append(FieldError(EXTRA[0], ("take", name), EXTRA[1], value))
                continue
            try:
                take[name] = validation.integer(value, 1, MAX_BIGINT)
            except InvalidValue as invalid:
                errors.append(FieldError(invalid.type, ("take", name), invalid.msg, value))
        return {**clean, "take": take}, errors


class MergeViewSet(LeadViewSet):
    """Merging leads with their activities and follow-ups."""

    input_classes = {"merge": MergeSerializer}
    strict_actions = dry_run_actions = ("merge",)
    query_parameters = {"merge": ("include",)}

    @operation(
        "merge_leads",
        "Merge leads",
        "The lead",
        refusals={
            **MOVED,
            403: f"The user does not have the permission {PERMISSION}",
            404: "No such active lead; `ids` has those in `merge`",
            409: "The leads cannot be merged; nothing was changed",
        },
        parameters=[INCLUDE, ETAG, IF_MATCH],
    )
    def merge(self, request: Request, lead_id: str) -> Response:
        """Merge other leads into this one, all or nothing. They are deleted softly and point to this lead, which gets
        their activities and follow-ups. Its values remain, except the fields in `take`.
        """
        require_permission(request, PERMISSION)
        survivor = self.path_id("lead_id", NO_LEAD)
        self.included()
        serializer = self.validate_body()
        serializer.instance = self._merged(survivor, **serializer.validated_data)
        return self.lead_reply(serializer)

    def _merged(self, survivor: int, merge: tuple[int, ...], take: dict[str, int]) -> Lead:
        _check_ids(survivor, merge, take)
        ids = {survivor, *merge}
        versions = parse_if_match(self.request.META.get("HTTP_IF_MATCH"))
        with transaction.atomic():
            Lead.objects.locked_keys(ids)
            leads = Lead.objects.active().in_bulk(ids)
            if survivor not in leads:
                raise NotFound(NO_LEAD)
            if missing := [pk for pk in merge if pk not in leads]:
                raise refusal(LeadsMissing(missing))
            if versions is not None and leads[survivor].version not in versions:
                now = {"ETag": etag(leads[survivor])}
                raise ApiError(status.HTTP_412_PRECONDITION_FAILED, "The lead was changed meanwhile", now)
            plan = Plan(survivor, merge, take, {pk: lead.version for pk, lead in leads.items()})
            try:
                return merge_leads(plan, by_api(self.request))
            except MergeRejected as rejected:
                raise ApiError(status.HTTP_409_CONFLICT, str(rejected)) from None


def _check_ids(survivor: int, others: tuple[int, ...], take: dict[str, int]) -> None:
    """Raise a 422 for a merge of the lead into itself, or for a value from a lead outside the merge."""
    errors = []
    if survivor in others:
        message = "Value error, a lead cannot be merged into itself"
        errors.append(FieldError("value_error", ("body", "merge"), message, survivor))
    for name, lead_id in take.items():
        if lead_id not in (survivor, *others):
            message = "Value error, the lead is not among those that are merged"
            errors.append(FieldError("value_error", ("body", "take", name), message, lead_id))
    if errors:
        raise ValidationFailed(errors)
