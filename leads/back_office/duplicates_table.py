"""The table of duplicates in the preview and on the page of an import: each row beside the lead that it belongs to."""

import re
from collections.abc import Sequence
from typing import Any

from leads.models import Lead

_option = re.compile(r" \(--[^()]*\)")

ACTIONS = {
    "skipped": "Skipped",
    "updated": "Updates the lead",
    "deleted": "Deleted in the source",
    "erased": "Erased on request",
}
DONE = {**ACTIONS, "updated": "Updated the lead"}
IDENTITY = ("name", "email", "phone")
COMPARED = ("first_name", "last_name", "email", "phone", "status", "source", "created_at", "is_active")


def without_options(text: str) -> str:
    """Return a message of the import without the options of the command that it names."""
    return _option.sub("", text)


def duplicates_table(rows: Sequence[dict[str, Any]], may_view: bool, actions: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows that are duplicates, with the details of their leads if the user may view leads.

    One query, for any number of rows.
    """
    ids = {row["lead_id"] for row in rows if "lead_id" in row} if may_view else set()
    leads = {lead.pk: lead for lead in Lead.objects.filter(pk__in=ids).only(*COMPARED)}
    return [
        {
            "line": row["line"],
            "action": actions.get(row["action"], row["action"]),
            "identity": [row[name] for name in IDENTITY if row[name]],
            "of_line": row.get("of_line"),
            "lead_id": row.get("lead_id"),
            "lead": (lead := leads.get(row.get("lead_id", 0))),
            "why": _why(row, lead) if lead else "",
        }
        for row in rows
    ]


def _why(row: dict[str, Any], lead: Lead) -> str:
    """Return what makes a row and a lead the same person."""
    same_email = row["email"] and row["email"].casefold() == lead.email.casefold()
    return "same email and name" if same_email else "same phone and name"
