"""``GET /api/activities``: the activities of all active leads, latest first, by page or by cursor, and their number."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connection
from django.http import QueryDict

from activities.serializers import OUT
from activities.sql import LATEST_FIRST, columns
from crm_project import validation
from crm_project.db import sql
from crm_project.http.cursors import Cursor
from crm_project.http.parameters import collect
from crm_project.http.totals import EXACT
from crm_project.validation import MAX_BIGINT, FieldError, InvalidValue
from leads.sql import SearchTimeout, statement_timeout

Row = dict[str, Any]
Condition = tuple[str, list[Any]]

ME = "me"
FILTERS = ("lead", "user", "type", "from", "to")
ACTIVE_LEAD = "EXISTS (SELECT 1 FROM leads_lead AS lead WHERE lead.id = activity.lead_id AND lead.is_active)"
MAX_COUNTED = 10_000  # activities that are counted one by one for an estimate
COUNT_TIMEOUT = 150  # milliseconds of an exact count


def validate(query: QueryDict, user_id: int) -> tuple[list[Condition], list[FieldError]]:
    """Return the conditions of the filters, and the errors. Repeated values of one filter mean any of them."""
    conditions: list[Condition] = []
    errors: list[FieldError] = []
    for name in FILTERS:
        checked = []
        for given in filter(str.strip, query.getlist(name)):
            value = collect(errors, name, given, partial(_CHECKS[name], user_id=user_id))
            if value is not None:
                checked.append(value)
        if checked:
            conditions.append(_CONDITIONS[name](checked))
    return conditions, errors


def fetch_page(
    conditions: Sequence[Condition], size: int, offset: int, after: Cursor | None
) -> tuple[list[Row], Cursor | None]:
    """Return the activities of a page, and the cursor of the next page if there is one."""
    where, values = _where([*conditions, *([_after(after)] if after else [])])
    found = sql.fetch_once(
        f"SELECT {columns()} FROM activities_activity AS activity {where} {LATEST_FIRST}"
        f" LIMIT {size + 1:d} OFFSET {offset:d}",
        values,
    )
    rows = [dict(zip(OUT, row, strict=True)) for row in found]
    if len(rows) <= size:
        return rows, None
    last = rows[size - 1]
    return rows[:size], Cursor(0, f"{last['activity_date']} {last['created_at']}", last["id"], None)


def check_cursor(cursor: Cursor) -> None:
    """Raise ``InvalidValue`` for a cursor without the day and the time of an activity."""
    try:
        _after(cursor)
    except ValueError:
        raise InvalidValue("value_error", "Value error, not a cursor; take the one of the last page's Link") from None


def count(conditions: Sequence[Condition], kind: str) -> tuple[int, bool]:
    """Return how many activities fit the conditions, and whether that is exact."""
    where, values = _where(conditions)
    one = f"SELECT 1 FROM activities_activity AS activity {where}"
    if connection.vendor != "postgresql":
        return _number(f"SELECT count(*) FROM ({one})", values), True
    if kind == EXACT:
        with suppress(SearchTimeout), statement_timeout(COUNT_TIMEOUT):
            return _number(f"SELECT count(*) FROM ({one}) AS counted", values), True
    with suppress(SearchTimeout), statement_timeout(COUNT_TIMEOUT):
        number = _number(f"SELECT count(*) FROM ({one} LIMIT {MAX_COUNTED + 1:d}) AS counted", values)
        if number <= MAX_COUNTED:
            return number, True
    return max(sql.planner_estimate(one, values), MAX_COUNTED + 1), False


def _number(statement: str, values: Sequence[Any]) -> int:
    return int(sql.fetch_once(statement, values)[0][0])


def _where(conditions: Sequence[Condition]) -> Condition:
    where = " AND ".join([ACTIVE_LEAD, *(condition for condition, _ in conditions)])
    return f"WHERE {where}", [value for _, values in conditions for value in values]


def _after(cursor: Cursor) -> Condition:
    day, _, time = str(cursor.key).partition(" ")
    created_at = datetime.fromisoformat(time).replace(tzinfo=UTC)
    values = [
        connection.ops.adapt_datefield_value(validation.date(day)),
        connection.ops.adapt_datetimefield_value(created_at),
        cursor.row_id,
    ]
    return "(activity.activity_date, activity.created_at, activity.id) < (%s, %s, %s)", values


def _id(given: str, user_id: int) -> int:
    return validation.integer(given, 1, MAX_BIGINT)


def _user(given: str, user_id: int) -> int:
    return user_id if given.strip().lower() == ME else _id(given, user_id)


def _type(given: str, user_id: int) -> str:
    return validation.check_text(given).strip().lower()


def _day(given: str, user_id: int) -> Any:
    return connection.ops.adapt_datefield_value(validation.date(validation.check_text(given)))


def _among(column: str) -> Callable[[list[Any]], Condition]:
    return partial(sql.among, column)


_CHECKS: dict[str, Callable[..., Any]] = {"lead": _id, "user": _user, "type": _type, "from": _day, "to": _day}
_CONDITIONS: dict[str, Callable[[list[Any]], Condition]] = {
    "lead": _among("activity.lead_id"),
    "user": _among("activity.user_id"),
    "type": _among("activity.activity_type"),
    "from": lambda values: ("activity.activity_date >= %s", [min(values)]),
    "to": lambda values: ("activity.activity_date <= %s", [max(values)]),
}
