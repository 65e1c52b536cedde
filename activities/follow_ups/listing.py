"""``GET /api/activities/follow-ups``: the follow-ups of all active leads by due date, by page or by cursor."""

from functools import cache
from typing import Any

from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from activities.follow_ups.serializers import OUT
from activities.follow_ups.validators import due_time
from activities.row_list import Condition, RowList
from crm_project import validation
from crm_project.db import sql
from crm_project.http.cursors import Cursor
from crm_project.http.parameters import choice, collect, flag, number
from crm_project.http.timestamps import day_sql, iso_sql
from crm_project.validation import MAX_BIGINT, FieldError
from leads.queries import DUE
from users.models import User

ME, NONE = "me", "none"
FILTERS = ("assignee", "due", "lead", "done")


def validate(query: QueryDict, user_id: int) -> tuple[list[Condition], list[FieldError]]:
    """Return the conditions of the filters, and the errors. Repeated values of one filter mean any of them."""
    conditions: list[Condition] = []
    errors: list[FieldError] = []
    done = collect(errors, "done", query.get("done", ""), flag)
    for name in FILTERS[:-1]:
        given = [value for value in query.getlist(name) if value.strip()]
        checked = [value for text in given if (value := collect(errors, name, text, _CHECKS[name])) is not None]
        if checked:
            conditions.append(_CONDITIONS[name](list(dict.fromkeys(checked)), user_id))
    return [is_done(bool(done)), *conditions], errors


def is_done(done: bool) -> Condition:
    """Return the condition for done or for open follow-ups. Each of the two lists has its own index."""
    return f"follow_up.done_at IS {'NOT ' * done}NULL", []


def of_lead(lead_id: int) -> Condition:
    """Return the condition for the follow-ups of one lead."""
    return "follow_up.lead_id = %s", [lead_id]


@cache
def columns() -> str:
    """Return the columns of ``OUT`` as JSON has them."""
    written = {
        "due_on": day_sql("follow_up.due_on", sql.VENDOR),
        "due_time": "nullif(follow_up.due_time, '')",
        "done_at": iso_sql("follow_up.done_at", sql.VENDOR),
        "created_at": iso_sql("follow_up.created_at", sql.VENDOR),
        "created_by": "follow_up.created_by_id",
    }
    return ", ".join(written.get(field, f"follow_up.{field}") for field in OUT)


def _after(cursor: Cursor) -> Condition:
    day, _, time = str(cursor.key).partition(" ")
    values = [connection.ops.adapt_datefield_value(validation.date(day)), time and due_time(time), cursor.row_id]
    return "(follow_up.due_on, follow_up.due_time, follow_up.id) > (%s, %s, %s)", values


def _user(given: str) -> int | str | None:
    word = given.strip().lower()
    return word if word in (ME, NONE) else number(given, 1, MAX_BIGINT)


def _assignees(assignees: list[int | str], user_id: int) -> Condition:
    """Return the condition for assignees. ``none`` includes the follow-ups of deactivated users."""
    users = [user_id if one == ME else one for one in assignees if one != NONE]
    if NONE in assignees:
        users += User.objects.filter(is_active=False).values_list("pk", flat=True)
    if not users:
        return "follow_up.assignee_id IS NULL", []
    among, values = sql.among("follow_up.assignee_id", users)
    return (f"({among} OR follow_up.assignee_id IS NULL)" if NONE in assignees else among), values


def _due(periods: list[str], user_id: int) -> Condition:
    today, parts, values = timezone.localdate(), [], []
    for period in periods:
        first, end = DUE[period](today)
        conditions = ["follow_up.due_on < %s", *(["follow_up.due_on >= %s"] if first else [])]
        parts.append(f"({' AND '.join(conditions)})")
        values += [connection.ops.adapt_datefield_value(day) for day in (end, first) if day]
    return f"({' OR '.join(parts)})", values


_CHECKS: dict[str, Any] = {
    "assignee": _user,
    "due": lambda given: choice(given, tuple(DUE)),
    "lead": lambda given: number(given, 1, MAX_BIGINT),
}
_CONDITIONS: dict[str, Any] = {
    "assignee": _assignees,
    "due": _due,
    "lead": lambda lead_ids, user_id: sql.among("follow_up.lead_id", lead_ids),
}

LIST = RowList(
    noun="follow-ups",
    table="activities_followup",
    alias="follow_up",
    fields=OUT,
    columns=columns,
    order="ORDER BY follow_up.due_on, follow_up.due_time, follow_up.id",
    sort_key=lambda row: f"{row['due_on']} {row['due_time'] or ''}",
    after=_after,
    filters=FILTERS,
    validate=validate,
)
