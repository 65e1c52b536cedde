"""A lead's history from all its sources: activities, changes, and its creation by a user or an import.

It is explicit SQL, because no queryset joins such tables. It reads the rows of one lead by an index of each table.
"""

from functools import cache
from typing import Any

import orjson
from django.db import connection

from activities.follow_ups.querysets import ABOUT
from crm_project.http.timestamps import iso_sql

Row = dict[str, Any]

# The first column is an index of ``ORIGINS``, and orders entries of one time. An imported activity has the user and the
# time of the import, not the author and the time in the file.
SOURCES = (
    """
        SELECT 3, activity.id, COALESCE(run.started_at, activity.created_at), 'activity', activity.channel,
            CASE WHEN run.id IS NULL THEN activity.user_id ELSE run.user_id END,
            COALESCE(run.started_by, activity.program || ' (' || activity.user_name || ')', activity.user_name),
            run.id, activity.id,
            activity.activity_type || ': ' || activity.title, NULL
        FROM activities_activity AS activity LEFT JOIN leads_importrun AS run ON run.id = activity.import_run_id
        WHERE activity.lead_id = %s""",
    """
        SELECT 2, change.id, change.at, change.kind, change.channel, change.user_id, change.user_name,
            change.import_run_id, NULL, COALESCE(run.file_name, ''), change.changes
        FROM leads_leadchange AS change LEFT JOIN leads_importrun AS run ON run.id = change.import_run_id
        WHERE change.lead_id = %s""",
    """
        SELECT 1, lead.id, lead.created_at, 'created', lead.created_channel, author.user_id, author.name, NULL, NULL,
            '', NULL
        FROM leads_lead AS lead JOIN leads_author AS author ON author.id = lead.created_by_id WHERE lead.id = %s""",
    """
        SELECT 0, run.id, run.started_at, 'imported', 'import', run.user_id, run.started_by, run.id, NULL,
            run.file_name, NULL
        FROM leads_lead AS lead JOIN leads_importrun AS run ON run.id = lead.import_run_id WHERE lead.id = %s""",
)
ORIGINS = ("import", "lead", "change", "activity")
ACTIVITY_ID = "activity_id"
COLUMNS = ("at", "kind", "channel", "user_id", "user_name", "import_run", "activity_id", "about", "changes")


def page(lead_id: int, offset: int, size: int) -> list[Row]:
    """Return ``size`` entries of a lead's history after the first ``offset``, newest first, ready for JSON."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(connection.vendor), [*[lead_id] * len(SOURCES), size, offset])
        return [_entry(*found) for found in cursor.fetchall()]


@cache
def _statement(vendor: str) -> str:
    shown = ", ".join([iso_sql("entry.at", vendor), *(f"entry.{name}" for name in COLUMNS[1:])])
    return (
        f"WITH entry (origin, number, {', '.join(COLUMNS)}) AS ({' UNION ALL '.join(SOURCES)})"
        f" SELECT entry.origin, entry.number, {shown} FROM entry"
        " ORDER BY entry.at DESC, entry.origin DESC, entry.number DESC LIMIT %s OFFSET %s"
    )


def _entry(origin: int, number: int, *values: Any) -> Row:
    row = {"id": f"{ORIGINS[origin]}-{number}", **dict(zip(COLUMNS, values, strict=True))}
    changes = orjson.loads(row["changes"] or "{}")
    if ids := changes.pop(ACTIVITY_ID, None):  # a change of an activity, or its deletion
        row["activity_id"] = ids[0]
    if about := changes.pop(ABOUT, None):
        row["about"] = ", ".join(about[0]) if isinstance(about[0], list) else about[0]
    return row | {
        "changes": [{"field": field, "old": old, "new": new} for field, (old, new) in sorted(changes.items())]
    }
