"""Activities and follow-ups in exports of leads, in the form that their imports read."""

from collections.abc import Sequence
from typing import Any

from activities.models import Activity, FollowUp
from crm_project.http.timestamps import iso
from leads.exporting.tables import Form

# The fields of an exported activity, and their columns; "user" is the author's user name.
NESTED = {
    "id": "id",
    "user": "user__username",
    "user_name": "user_name",
    "activity_type": "activity_type",
    "title": "title",
    "notes": "notes",
    "duration": "duration",
    "activity_date": "activity_date",
    "created_at": "created_at",
}
# The columns by which an import finds the lead of an activity, also in another installation.
LEAD_COLUMNS = ("lead_id", "lead_email", "lead_name", "lead_phone", "lead_created_at", "installation")
ACTIVITIES = Form("activities", (*LEAD_COLUMNS, *NESTED), frozenset(("notes",)))

# The fields of an exported follow-up; "assignee" and "created_by" are user names, "done_at" is empty if it is open.
NESTED_FOLLOW_UP = {
    "id": "id",
    "title": "title",
    "kind": "kind",
    "due_on": "due_on",
    "due_time": "due_time",
    "assignee": "assignee__username",
    "done_at": "done_at",
    "created_at": "created_at",
    "created_by": "created_by__username",
}
FOLLOW_UPS = Form("follow_ups", (*LEAD_COLUMNS, *NESTED_FOLLOW_UP), frozenset())


def of_leads(lead_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the activities of these leads by the lead's id, latest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    activities = Activity.objects.filter(lead_id__in=lead_ids).latest_first()
    for lead_id, *values in activities.values_list("lead_id", *NESTED.values()):
        row = dict(zip(NESTED, values, strict=True))
        row["activity_date"], row["created_at"] = row["activity_date"].isoformat(), iso(row["created_at"])
        found.setdefault(lead_id, []).append(row)
    return found


def follow_ups_of_leads(lead_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the follow-ups of these leads by the lead's id, open and done, by their day."""
    found: dict[int, list[dict[str, Any]]] = {}
    follow_ups = FollowUp.objects.of_leads(lead_ids).due_first()
    for lead_id, *values in follow_ups.values_list("lead_id", *NESTED_FOLLOW_UP.values()):
        row = dict(zip(NESTED_FOLLOW_UP, values, strict=True))
        row["due_on"], row["due_time"] = row["due_on"].isoformat(), row["due_time"] or None
        row["done_at"], row["created_at"] = row["done_at"] and iso(row["done_at"]), iso(row["created_at"])
        found.setdefault(lead_id, []).append(row)
    return found
