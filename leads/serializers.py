"""Leads on the wire."""

from typing import Any

from crm_project.api.times import iso
from leads.models import Lead

OUT = (
    "id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "status",
    "source",
    "budget_min",
    "budget_max",
    "property_interest",
    "is_active",
    "created_at",
    "updated_at",
    "activity_count",
)


def lead_out(lead: Lead) -> dict[str, Any]:
    """A lead as the API shows it."""
    return _written({field: getattr(lead, field) for field in OUT})


def leads_out(leads: Any) -> list[dict[str, Any]]:
    """Many of them, straight from the columns."""
    return [_written(row) for row in leads.values(*OUT)]


def _written(row: dict[str, Any]) -> dict[str, Any]:
    row["created_at"] = iso(row["created_at"])
    row["updated_at"] = iso(row["updated_at"])
    return row
