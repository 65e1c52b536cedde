"""The frequent reads of activities as explicit SQL, with rows that are ready for JSON (see ``leads/sql.py``)."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from activities.serializers import OUT
from crm_project.db import sql
from crm_project.db.replica import reading
from crm_project.http.timestamps import day_sql, iso_sql

Row = dict[str, Any]
MAX_IN_MEMORY = 200  # activities; more are streamed
PART = 50  # activities that are read at a time for a stream
LATEST_FIRST = "ORDER BY activity.activity_date DESC, activity.created_at DESC, activity.id DESC"


def of_lead(lead_id: int, limit: int = MAX_IN_MEMORY) -> list[Row] | None:
    """Return the latest ``limit`` activities of an active lead; ``None`` if there is no such lead."""
    rows = _rows(f"{_of_lead()} LIMIT {limit:d}", [lead_id])
    if not rows:
        return None
    return [row for row in rows if row["id"] is not None]  # a lead without activities is one row of nulls


def page_of_lead(lead_id: int, offset: int, size: int) -> list[Row] | None:
    """Return some activities of an active lead, latest first; ``None`` if there is no such lead."""
    rows = _rows(f"{_of_lead()} LIMIT {size:d} OFFSET {offset:d}", [lead_id])
    if not rows and sql.fetch("SELECT 1 FROM leads_lead WHERE id = %s AND is_active", [lead_id]) == []:
        return None
    return [row for row in rows if row["id"] is not None]


def parts_of_lead(lead_id: int) -> Iterator[list[Row]]:
    """Yield all activities of an active lead, latest first, ``PART`` at a time, from one snapshot of the database.

    The lead must have activities.
    """
    with reading().chunked_cursor() as cursor:
        cursor.execute(_of_lead(), [lead_id])
        while rows := cursor.fetchmany(PART):
            yield [dict(zip(OUT, row, strict=True)) for row in rows]


@cache
def _of_lead() -> str:
    return (
        f"SELECT {columns()}"
        " FROM leads_lead AS lead LEFT JOIN activities_activity AS activity ON activity.lead_id = lead.id"
        f" WHERE lead.id = %s AND lead.is_active {LATEST_FIRST}"
    )


def latest(count: int) -> list[Row]:
    """Return the latest ``count`` activities of active leads.

    EXISTS instead of a join: for a join, SQLite would read all leads once it has statistics.
    """
    return _rows(
        f"SELECT {columns()}"
        " FROM activities_activity AS activity WHERE EXISTS"
        " (SELECT 1 FROM leads_lead AS lead WHERE lead.id = activity.lead_id AND lead.is_active)"
        f" {LATEST_FIRST} LIMIT {count:d}",
        [],
    )


def _rows(statement: str, values: Sequence[sql.Value]) -> list[Row]:
    return [dict(zip(OUT, row, strict=True)) for row in sql.fetch(statement, values)]


@cache
def columns() -> str:
    """Return the columns of ``OUT`` as JSON has them."""
    written = {
        "activity_date": day_sql("activity.activity_date", sql.VENDOR),
        "created_at": iso_sql("activity.created_at", sql.VENDOR),
    }
    return ", ".join(written.get(field, f"activity.{field}") for field in OUT)
