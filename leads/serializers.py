"""Leads on the wire: what comes in is validated by ``leads/validators.py``, what goes out is one row of ``OUT``."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_project.http.serializers import Checked, RowSerializer, RuleSerializer
from crm_project.http.timestamps import iso
from crm_project.validation import FieldError
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

    def to_representation(self, instance: Lead) -> dict[str, Any]:
        """The row, as ``leads.sql`` has it from the database."""
        return lead_out(instance)


class LeadSerializer(RuleSerializer):
    """What a lead's values must be, and that its foreign keys point to rows that are there."""

    output_class = LeadOutSerializer

    def resolve(self, rows: Sequence[dict[str, Any]]) -> dict[int, list[FieldError]]:
        """The foreign keys that point to nothing; one query for each key, however many rows there are."""
        return references.resolve(rows)


class LeadCreateSerializer(LeadSerializer):
    """A new lead. `budget_min` is not above `budget_max`."""

    field_rules = validators.CREATE_RULES

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.validate(row)


class LeadUpdateSerializer(LeadSerializer):
    """The fields of a lead to change; the others stay."""

    field_rules = validators.UPDATE_RULES
    optional = True

    def check(self, row: object) -> Checked:
        """The rules' verdict."""
        return validators.validate(row, partial=True)
