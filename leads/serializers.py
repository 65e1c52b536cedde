"""Serializers of leads: ``leads/validators.py`` validates input; output is a row of ``OUT``."""

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from crm_project import json_schema, validation
from crm_project.http.serializers import Checked, RowSerializer, RuleSerializer, SchemaField
from crm_project.http.timestamps import iso
from crm_project.json_schema import DAY, IDENTIFIER, TIMESTAMP
from crm_project.validation import MAX_BIGINT, MAX_INT, FieldError, FieldRule
from leads import references, validators
from leads.models import Lead

# What clients may send they get back, in the order of the rules.
OUT = ("id", *validators.CREATE_RULES, "is_active", "created_at", "updated_at", "activity_count")


def lead_out(lead: Lead) -> dict[str, Any]:
    """A lead as the API shows it."""
    return row_out(vars(lead))


def row_out(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a lead as the API shows them."""
    row = {field: columns[field] for field in OUT}
    row["created_at"], row["updated_at"] = iso(row["created_at"]), iso(row["updated_at"])
    return row


CONSENT_STATE = {"type": "string", "enum": ["granted", "revoked", None]}


class PersonSerializer(serializers.Serializer[Any]):
    """A user, with their name."""

    id = SchemaField({**IDENTIFIER, "examples": [1]})
    name = SchemaField({"type": "string", "examples": ["Agent One"]})


class NextFollowUpSerializer(serializers.Serializer[Any]):
    """The earliest open follow-up of a lead."""

    id = SchemaField(IDENTIFIER)
    lead_id = SchemaField(IDENTIFIER)
    title = SchemaField({"type": "string"})
    kind = SchemaField({"type": "string"})
    due_on = SchemaField(DAY)
    due_time = SchemaField({"type": "string"}, allow_null=True)
    assignee_id = SchemaField(IDENTIFIER, allow_null=True)
    done_at = SchemaField(TIMESTAMP, allow_null=True)
    activity_id = SchemaField(IDENTIFIER, allow_null=True)
    created_at = SchemaField(TIMESTAMP)
    created_by = SchemaField(IDENTIFIER, allow_null=True)


class ConsentSerializer(serializers.Serializer[Any]):
    """The latest consent of each channel."""

    call = SchemaField(CONSENT_STATE, allow_null=True)
    text = SchemaField(CONSENT_STATE, allow_null=True)
    email = SchemaField(CONSENT_STATE, allow_null=True)


# What ``include`` adds, in this order (``leads/included.py`` reads it).
INCLUDED: dict[str, dict[str, Any] | type[serializers.Serializer[Any]]] = {
    "version": {"type": "integer", "description": 'Counts changes; `If-Match` takes it as `"<version>"`'},
    "owner": PersonSerializer,
    "created_by": PersonSerializer,  # with the name as of then
    "tags": {"type": "array", "items": {"type": "string"}},
    "last_activity": {"type": ["string", "null"], "format": "date", "description": "The day of the latest activity"},
    "next_follow_up": NextFollowUpSerializer,
    "consent": ConsentSerializer,
    "closed_at": {**TIMESTAMP, "type": ["string", "null"]},
}


INCLUDE = OpenApiParameter(
    "include",
    {"type": "array", "items": {"type": "string", "enum": list(INCLUDED)}},
    explode=False,
    description="Adds these keys to each lead",
)


class LeadOutSerializer(RowSerializer):
    """A lead."""

    field_rules = validators.CREATE_RULES
    about = {
        "budget_min": {"description": validators.MONEY},
        "budget_max": {"description": validators.MONEY},
        "activity_count": {"examples": [0]},
    }

    class Meta:
        model = Lead
        fields = OUT

    def get_fields(self) -> dict[str, Any]:
        """The columns, and what ``include`` adds where it is asked for."""
        included = {
            name: SchemaField(described, required=False)
            if isinstance(described, dict)
            else described(required=False, allow_null=described is not ConsentSerializer)
            for name, described in INCLUDED.items()
        }
        return {**super().get_fields(), **included}

    def to_representation(self, instance: Lead) -> dict[str, Any]:
        """The row, as ``leads.sql`` has it from the database."""
        return lead_out(instance)


class LeadSerializer(RuleSerializer):
    """What a lead's values must be, and that its foreign keys point to rows that are there."""

    output_class = LeadOutSerializer

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors, those of the two budgets together included."""
        return validators.validate(row, partial=self.optional)

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """The foreign keys that point to nothing; one query for each key, however many rows there are."""
        return references.resolve(rows)


class LeadCreateSerializer(LeadSerializer):
    """A new lead. `budget_min` is not above `budget_max`."""

    field_rules = validators.CREATE_RULES


class LeadUpdateSerializer(LeadSerializer):
    """The fields of a lead to change; the others stay."""

    field_rules = validators.UPDATE_RULES
    optional = True


def _id(value: object) -> int:
    return validation.integer(value, 1, MAX_BIGINT)


def _version(value: object) -> int:
    return validation.integer(value, 1, MAX_INT)


_version_about = "The version that the lead should have; without it, any"
_version_schema = json_schema.integer(1, MAX_INT, description=_version_about, examples=[3])
WHICH: dict[str, FieldRule] = {
    "id": FieldRule(_id, schema={**json_schema.IDENTIFIER, "examples": [7]}),
    "version": FieldRule(_version, True, None, _version_schema),
}


class LeadBulkUpdateSerializer(LeadUpdateSerializer):
    """The fields to change of one lead of several; the others stay."""

    field_rules = {**WHICH, **validators.UPDATE_RULES}
    max_rows = 1000

    def get_fields(self) -> dict[str, Any]:
        """All are optional but the id."""
        fields = super().get_fields()
        fields["id"].required = True
        return fields

    def check(self, row: object) -> Checked:
        """Return the id, the version and the clean fields, and all errors."""
        clean, problems = super().check(row)
        if not isinstance(row, dict):
            return clean, problems
        which, wrong = validation.validate(row, WHICH)
        return {**clean, **which}, [*wrong, *problems]

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """Foreign keys that point to nothing, and ids that are there twice."""
        errors = super().resolve(rows)
        seen: set[int] = set()
        for index, row in enumerate(rows):
            if (lead_id := row["id"]) in seen:
                twice = FieldError("value_error", ("id",), "Value error, the id is there twice", lead_id)
                errors.setdefault(index, []).append(twice)
            seen.add(lead_id)
        return errors


class DuplicateSerializer(serializers.Serializer[Any]):
    """A lead that may be the same person."""

    lead = LeadOutSerializer()
    match = SchemaField(
        {"type": "array", "items": {"type": "string"}, "examples": [["email"], ["phone", "name"]]},
        help_text="What they have in common: `email`, or `phone` and `name`",
    )


_number = {"type": "integer", "minimum": 0}
_objects = {"type": "array", "items": {"type": "object", "additionalProperties": True}}


class ImportReportSerializer(serializers.Serializer[Any]):
    """What became of an import: `read` is the sum of the four counts after it."""

    run = SchemaField(
        {"type": ["integer", "null"], "format": "int64", "examples": [3]}, help_text="null: none is stored"
    )
    state = SchemaField({"type": "string", "examples": ["done"]})
    read = SchemaField(_number)
    created = SchemaField(_number)
    updated = SchemaField(_number)
    skipped = SchemaField(_number)
    rejected = SchemaField(_number)
    problem_count = SchemaField(_number)
    message = SchemaField({"type": "string"})
    problems = SchemaField(_objects)
    skipped_rows = SchemaField(_objects)
    repairs = SchemaField(_objects)
    statuses = SchemaField(_objects)
    remainders = SchemaField(_objects)
    file = SchemaField({"type": "string"}, required=False)
    sha256 = SchemaField({"type": "string"}, required=False)
    notes = SchemaField({"type": "array", "items": {"type": "string"}}, required=False)
    options = SchemaField({"type": "object", "additionalProperties": True}, required=False)


class ImportSerializer(ImportReportSerializer):
    """An import as it is stored."""

    kind = SchemaField({"type": "string", "examples": ["leads"]})
    started_by = SchemaField({"type": "string"})
    started_at = SchemaField(TIMESTAMP)
    finished_at = SchemaField(TIMESTAMP, allow_null=True)
    undone_at = SchemaField(TIMESTAMP, allow_null=True)
    undo_report = SchemaField({"type": "object", "additionalProperties": True})
