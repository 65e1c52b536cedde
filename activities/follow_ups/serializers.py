"""Serializers of follow-ups: ``validators.py`` validates input; output is a row of ``OUT``."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from rest_framework import serializers

from activities.follow_ups import validators
from activities.follow_ups.work import Work
from activities.models import Activity, FollowUp
from activities.serializers import ActivityCreateSerializer, ActivityOutSerializer, activity_out
from crm_project.http.reply_options import unknown_fields
from crm_project.http.serializers import Checked, RowSerializer, RuleSerializer
from crm_project.http.timestamps import iso
from crm_project.validation import MISSING, FieldError, FieldRule, with_location
from leads.models import Lead
from leads.serializers import LeadOutSerializer, lead_out
from leads.validators import UPDATE_RULES

OUT = (
    "id",
    "lead_id",
    "title",
    "kind",
    "due_on",
    "due_time",
    "assignee_id",
    "done_at",
    "activity_id",
    "created_at",
    "created_by",
)


def follow_up_out(follow_up: FollowUp) -> dict[str, Any]:
    """Return a follow-up as the API shows it."""
    row = {field: getattr(follow_up, field) for field in OUT[:-1]}
    return row | {
        "due_on": follow_up.due_on.isoformat(),
        "due_time": follow_up.due_time or None,
        "done_at": follow_up.done_at and iso(follow_up.done_at),
        "created_at": iso(follow_up.created_at),
        "created_by": follow_up.created_by_id,
    }


class FollowUpOutSerializer(RowSerializer):
    """A follow-up. `created_by` is a user's id."""

    field_rules = validators.CREATE_RULES
    about = {
        "id": {"examples": [5]},
        "due_time": {"description": "`HH:MM`, or null for any time of the day"},
        "activity_id": {"description": "The activity that was logged when it was done"},
    }

    columns = {"created_by": "created_by_id"}

    class Meta:
        model = FollowUp
        fields = OUT

    def get_fields(self) -> dict[str, Any]:
        """Return a field for each column. A missing ``due_time`` is null in the response, and "" in the database."""
        fields = super().get_fields()
        fields["due_time"].allow_null = True
        return fields

    def to_representation(self, instance: FollowUp) -> dict[str, Any]:
        """Return the object of the response, equal to a row of the list."""
        return follow_up_out(instance)


class FollowUpCreateSerializer(RuleSerializer):
    """A new follow-up."""

    field_rules = validators.CREATE_RULES
    output_class = FollowUpOutSerializer

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors; the assignee is the token's user unless the body says otherwise."""
        clean, errors = super().check(row)
        if isinstance(row, dict) and "assignee_id" not in row:
            clean["assignee_id"] = self.context["request"].user.pk
        return clean, errors

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """Return an error for each assignee who is no active user, by index."""
        found = {index: self.check_assignee(row) for index, row in enumerate(rows)}
        return {index: errors for index, errors in found.items() if errors}

    def check_assignee(self, row: Mapping[str, Any]) -> list[FieldError]:
        """Return an error if the assignee is no active user. The token's user is one."""
        number = row.get("assignee_id")
        return [] if number == self.context["request"].user.pk else validators.check_assignee(number)


class FollowUpUpdateSerializer(FollowUpCreateSerializer):
    """The fields of a follow-up to change; the others remain unchanged."""

    optional = True

    def check(self, row: object) -> Checked:
        """Return the clean values and all errors. The present assignee (``stored`` of the context) is always valid."""
        clean, errors = validators.validate(row, partial=True)
        if clean.get("assignee_id", 0) == self.context["stored"].assignee_id:
            del clean["assignee_id"]
        return clean, errors


class WorkSerializer(RuleSerializer):
    """A body of a status and of objects, each with its own serializer in ``parts``."""

    field_rules = {"status": FieldRule(UPDATE_RULES["status"].check, True, None, UPDATE_RULES["status"].schema)}
    parts: ClassVar[Mapping[str, type[RuleSerializer]]]
    required_parts: ClassVar[Collection[str]] = ()

    def known_fields(self) -> set[str]:
        """Return the names of the objects, and ``status``."""
        return {*self.parts, *self.field_rules}

    def get_fields(self) -> dict[str, Any]:
        """Return the fields for the schema."""
        parts = {
            name: part(required=name in self.required_parts, allow_null=name not in self.required_parts)
            for name, part in self.parts.items()
        }
        return {**parts, **super().get_fields()}

    def check(self, row: object) -> Checked:
        """Return the clean values of each object (``None`` if it is missing), and all errors."""
        clean, errors = super().check(row)
        if isinstance(row, dict):
            for name, part in self.parts.items():
                clean[name], wrong = self._check_part(name, part(context=self.context), row)
                errors += with_location(wrong, name)
        return clean, errors

    def _check_part(self, name: str, part: RuleSerializer, row: Mapping[str, Any]) -> tuple[Any, list[FieldError]]:
        value = row.get(name)
        if value is None and name not in self.required_parts:
            return None, []
        if name not in row:
            return None, [FieldError(MISSING[0], (), MISSING[1], row)]
        clean, errors = part.check(value)
        errors += [error._replace(loc=error.loc[1:]) for error in unknown_fields(value, part.known_fields())]
        return clean, errors or part.resolve([clean]).get(0, [])


class LoggedSerializer(serializers.Serializer[Any]):
    """What one call logged, changed and planned."""

    activity = ActivityOutSerializer()
    lead = LeadOutSerializer()
    follow_up = FollowUpOutSerializer(allow_null=True)


class DoneSerializer(serializers.Serializer[Any]):
    """A follow-up that is done, and what one call logged, changed and planned with it."""

    follow_up = FollowUpOutSerializer()
    activity = ActivityOutSerializer(allow_null=True)
    lead = LeadOutSerializer()
    next = FollowUpOutSerializer(allow_null=True)


class LogSerializer(WorkSerializer):
    """An activity with, if they are sent, the lead's new status and a follow-up."""

    parts = {"activity": ActivityCreateSerializer, "follow_up": FollowUpCreateSerializer}
    required_parts = ("activity",)
    output_class = LoggedSerializer


class CompleteSerializer(WorkSerializer):
    """What to log, the lead's new status, and the next follow-up; each if it is sent."""

    parts = {"activity": ActivityCreateSerializer, "next": FollowUpCreateSerializer}
    output_class = DoneSerializer


def work_out(work: Work, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the objects of a response; ``names`` is the field of ``work`` by key of the response."""
    found = {key: getattr(work, part) for key, part in names.items()}
    return {key: None if row is None else _row_out(row) for key, row in found.items()}


def _row_out(row: Activity | FollowUp | Lead) -> dict[str, Any]:
    if isinstance(row, Lead):
        return lead_out(row)
    return activity_out(row) if isinstance(row, Activity) else follow_up_out(row)
