"""Serializers of leads: ``leads/validators.py`` validates input; output has the fields of ``OUT``."""

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

# The fields of a response: those that clients may send, in the order of the rules, and those of the server.
OUT = ("id", *validators.CREATE_RULES, "is_active", "created_at", "updated_at", "activity_count")


def lead_out(lead: Lead) -> dict[str, Any]:
    """Return a lead as the API shows it."""
    return row_out(vars(lead))


def row_out(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a lead as the API shows them."""
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


# The keys that ``include`` adds, in this order (``leads/included.py`` reads their values).
INCLUDED: dict[str, dict[str, Any] | type[serializers.Serializer[Any]]] = {
    "version": {"type": "integer", "description": 'Counts changes; `If-Match` takes it as `"<version>"`'},
    "owner": PersonSerializer,
    "created_by": PersonSerializer,  # with the name as of writing
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
        """Return the fields of the columns, and optional ones for the keys of ``include``."""
        included = {
            name: SchemaField(described, required=False)
            if isinstance(described, dict)
            else described(required=False, allow_null=described is not ConsentSerializer)
            for name, described in INCLUDED.items()
        }
        return {**super().get_fields(), **included}

    def to_representation(self, instance: Lead) -> dict[str, Any]:
        """Return the object of the response, equal to a row of ``leads.sql``."""
        return lead_out(instance)


class LeadSerializer(RuleSerializer):
    """The validation of a lead's values and of its foreign keys."""

    output_class = LeadOutSerializer

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors, those of the two budgets together included."""
        return validators.validate(row, partial=self.optional)

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """Return an error for each foreign key that points to no row, by index. One query for each key."""
        return references.resolve(rows)


class LeadCreateSerializer(LeadSerializer):
    """A new lead. `budget_min` is not above `budget_max`."""

    field_rules = validators.CREATE_RULES


class LeadUpdateSerializer(LeadSerializer):
    """The fields of a lead to change; the others remain unchanged."""

    field_rules = validators.UPDATE_RULES
    optional = True


def _id(value: object) -> int:
    return validation.integer(value, 1, MAX_BIGINT)


def _version(value: object) -> int:
    return validation.integer(value, 1, MAX_INT)


_version_about = "The version that the lead must have; any if it is missing"
_version_schema = json_schema.integer(1, MAX_INT, description=_version_about, examples=[3])
ID_AND_VERSION: dict[str, FieldRule] = {
    "id": FieldRule(_id, schema={**json_schema.IDENTIFIER, "examples": [7]}),
    "version": FieldRule(_version, True, None, _version_schema),
}


class LeadBulkUpdateSerializer(LeadUpdateSerializer):
    """The fields to change of one of several leads; the others remain unchanged."""

    field_rules = {**ID_AND_VERSION, **validators.UPDATE_RULES}
    max_rows = 1000

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; only the id is required."""
        fields = super().get_fields()
        fields["id"].required = True
        return fields

    def check(self, row: object) -> Checked:
        """Return the id, the version and the clean fields, and all errors."""
        clean, problems = super().check(row)
        if not isinstance(row, dict):
            return clean, problems
        id_and_version, errors = validation.validate(row, ID_AND_VERSION)
        return {**clean, **id_and_version}, [*errors, *problems]

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """Return errors for foreign keys that point to no row, and for repeated ids, by index."""
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
    """The result of an import: `read` is the sum of the four counts after it."""

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
