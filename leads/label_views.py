"""Owners and tags: ``/api/leads/{lead_id}/owner``, ``/api/leads/assign``, ``/api/leads/{lead_id}/tags`` and more."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project import json_schema, validation
from crm_project.http.errors import ValidationFailed
from crm_project.http.json import read
from crm_project.http.schema import operation
from crm_project.http.schema_components import ETAG, IF_MATCH
from crm_project.http.serializers import Checked, RuleSerializer, SchemaField
from crm_project.validation import MAX_BIGINT, MISSING, FieldError, FieldRule, InvalidValue
from leads import included, validators
from leads.assignment import assign
from leads.bulk_views import CHOICE_REFUSALS
from leads.chosen_leads import ChosenLeads, ChosenLeadsSerializer, refusal
from leads.etags import etag
from leads.selection import LeadsMissing, SelectionChanged
from leads.serializers import INCLUDE, LeadOutSerializer, lead_out
from leads.tagging import TooManyTags, change_tags
from leads.views import MOVED, NO_LEAD, LeadViewSet, by_api
from users.directory import active_among

MAX_USERS = 1000  # of one assignment


def _user_ids(value: object) -> tuple[int, ...]:
    """Return the ids of a list without repetitions; at least one, and at most ``MAX_USERS``."""
    if not isinstance(value, list):
        raise InvalidValue("list_type", "Input should be a valid list")
    if not value:
        raise InvalidValue("too_short", "List should have at least 1 item after validation, not 0")
    if len(value) > MAX_USERS:
        message = f"List should have at most {MAX_USERS} items after validation, not {len(value)}"
        raise InvalidValue("too_long", message)
    return tuple(dict.fromkeys(validation.integer(item, 1, MAX_BIGINT) for item in value))


def _no_user(loc: tuple[str | int, ...], user_id: int) -> FieldError:
    return FieldError("value_error", loc, f"Value error, there is no active user {user_id}", user_id)


class OwnerSerializer(RuleSerializer):
    """The owner of a lead; `null` for nobody."""

    field_rules = {"user_id": validators.LABEL_RULES["owner_id"]}
    output_class = LeadOutSerializer

    def known_fields(self) -> set[str]:
        """Return only the fields of the rules; those of the reply are unknown."""
        return set(self.field_rules)

    def check(self, row: object) -> Checked:
        """Return the user's id, which is required, and all errors."""
        clean, errors = super().check(row)
        if isinstance(row, dict) and "user_id" not in row:
            errors.append(FieldError(MISSING[0], ("user_id",), MISSING[1], row))
        return clean, errors

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """Return an error if the user does not exist or is deactivated."""
        user_id = rows[0]["user_id"]
        return {} if user_id is None or active_among([user_id]) else {0: [_no_user(("user_id",), user_id)]}


class AssignSerializer(ChosenLeadsSerializer):
    """Leads, by `ids`, or by `filter` and `expected`, and the users they are assigned to."""

    field_rules = {
        **ChosenLeadsSerializer.field_rules,
        "user_ids": FieldRule(
            _user_ids,
            schema={
                "type": "array",
                "items": json_schema.IDENTIFIER,
                "minItems": 1,
                "maxItems": MAX_USERS,
                "description": "Active users; the first of those with equally many open leads gets the lead",
                "examples": [[5, 6]],
            },
        ),
    }

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; the users are required."""
        fields = super().get_fields()
        fields["user_ids"].required = True
        return fields

    def check(self, row: object) -> Checked:
        """Return the chosen leads and the users' ids, and all errors."""
        clean, errors = super().check(row)
        if isinstance(row, dict) and "user_ids" not in row:
            errors.append(FieldError(MISSING[0], ("user_ids",), MISSING[1], row))
        return clean, errors

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """Return an error for each user who does not exist or is deactivated."""
        user_ids = rows[0]["user_ids"]
        active = active_among(user_ids)
        wrong = [_no_user(("user_ids", index), pk) for index, pk in enumerate(user_ids) if pk not in active]
        return {0: wrong} if wrong else {}


def _words(value: object) -> list[str]:
    return validators.split_tags(validators.tags(value if isinstance(value, list) else None))


class TagsSerializer(ChosenLeadsSerializer):
    """Leads, by `ids`, or by `filter` and `expected`, and the tags to add and remove."""

    field_rules = {
        **ChosenLeadsSerializer.field_rules,
        "add": FieldRule(_words, schema=validators.TAGS),
        "remove": FieldRule(_words, schema=validators.TAGS),
    }


_count = {"type": "integer", "minimum": 0, "examples": [15]}
_by_user = inline_serializer(
    "AssignedToUser", {"user_id": SchemaField(json_schema.IDENTIFIER), "count": SchemaField(_count)}, many=True
)
ASSIGNED = inline_serializer("Assigned", {"assigned": SchemaField({**_count, "examples": [30]}), "by_user": _by_user})


TAGGED = inline_serializer("Tagged", {"changed": SchemaField({**_count, "examples": [30]})})


class LabelViewSet(LeadViewSet):
    """The owner and the tags of a lead and of many."""

    input_classes = {"set_owner": OwnerSerializer, "assign": AssignSerializer, "tag_many": TagsSerializer}
    strict_actions = dry_run_actions = ("set_owner", "assign", "set_tags", "tag_many")
    query_parameters = {"set_owner": ("include",), "set_tags": ("include",)}

    @operation("set_owner", "Set the owner of a lead", "The lead", refusals=MOVED, parameters=[INCLUDE, ETAG, IF_MATCH])
    def set_owner(self, request: Request, lead_id: str) -> Response:
        """Set the owner to an active user, or to nobody (`null`). The owner is a label: all users can see and change
        all leads. With `If-Match`, only if the lead still has that `ETag`.
        """
        number = self.path_id("lead_id", NO_LEAD)
        self.included()
        serializer = self.validate_body()
        serializer.instance = self.change_lead(number, {"owner_id": serializer.validated_data["user_id"]})
        return self.lead_reply(serializer)

    @operation(
        "assign_leads", "Assign leads to users", "How many leads each user got", response=ASSIGNED,
        refusals=CHOICE_REFUSALS,
    )  # fmt: skip
    def assign(self, request: Request) -> Response:
        """Give each lead to the user with the fewest open leads at that moment. All leads or none: those with these
        `ids`, or up to 50,000 active leads that a `filter` finds.
        """
        clean = self.validate_body().validated_data
        chosen: ChosenLeads = clean["chosen"]
        chosen.check_size()
        try:
            counts = assign(chosen.leads, clean["user_ids"], by_api(request), chosen.agreed)
        except (LeadsMissing, SelectionChanged) as changed:
            raise refusal(changed) from None
        by_user = [{"user_id": user_id, "count": counts[user_id]} for user_id in clean["user_ids"]]
        return Response({"assigned": counts.total(), "by_user": by_user})

    @operation(
        "set_tags",
        "Set the tags of a lead",
        "The lead",
        refusals=MOVED,
        request={"application/json": validators.TAGS},
        parameters=[INCLUDE, ETAG, IF_MATCH],
    )
    def set_tags(self, request: Request, lead_id: str) -> Response:
        """Replace all tags of the lead by those of the body. They are stored as they are spelled, and compared without
        regard to case. With `If-Match`, only if the lead still has that `ETag`.
        """
        number, keys = self.path_id("lead_id", NO_LEAD), self.included()
        lead = self.change_lead(number, {"tags": self._tags()})
        row: dict[str, Any] = lead_out(lead)
        included.add_to([row], keys)
        return Response(row, headers={"ETag": etag(lead)})

    def _tags(self) -> str:
        """Return the tags of the body in the form of the column; raise a 422 with the index of each invalid one."""
        body = self.request.data
        if not read(self.request):
            raise ValidationFailed([FieldError(MISSING[0], ("body",), MISSING[1], None)])
        errors = []
        for index, word in enumerate(body if isinstance(body, list) else ()):
            try:
                validators.tag(word)
            except InvalidValue as invalid:
                errors.append(FieldError(invalid.type, ("body", index), invalid.msg, word))
        try:
            stored = "" if errors else validators.tags(body if isinstance(body, list) else None)
        except InvalidValue as invalid:
            errors.append(FieldError(invalid.type, ("body",), invalid.msg, body))
        if errors:
            raise ValidationFailed(errors)
        return stored

    @operation("tag_leads", "Add and remove tags of many leads", "How many leads that changed", response=TAGGED,
        refusals=CHOICE_REFUSALS,
    )  # fmt: skip
    def tag_many(self, request: Request) -> Response:
        """Remove the tags of `remove`, then add those of `add`. All leads or none: those with these `ids`, or up to
        50,000 active leads that a `filter` finds.
        """
        clean = self.validate_body().validated_data
        chosen: ChosenLeads = clean["chosen"]
        chosen.check_size()
        try:
            add, remove = clean.get("add", ()), clean.get("remove", ())
            changed = change_tags(chosen.leads, add, remove, by_api(request), chosen.agreed)
        except (LeadsMissing, SelectionChanged) as moved:
            raise refusal(moved) from None
        except TooManyTags as many:
            error = FieldError("value_error", ("body", "add"), f"Value error, {many}", [*add])
            raise ValidationFailed([error]) from None
        return Response({"changed": changed})
