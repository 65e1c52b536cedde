"""``GET /api/activities``: the activities of all active leads, latest first, by page or by cursor, and their number."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connection
from django.http import QueryDict

from activities.row_list import Condition, RowList
from activities.serializers import OUT
from activities.sql import LATEST_FIRST, columns
from crm_project import validation
from crm_project.db import sql
from crm_project.http.cursors import Cursor
from crm_project.http.parameters import collect
from crm_project.validation import MAX_BIGINT, FieldError

ME = "me"
FILTERS = ("lead", "user", "type", "from", "to")


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

LIST = RowList(
    noun="activities",
    table="activities_activity",
    alias="activity",
    fields=OUT,
    columns=columns,
    order=LATEST_FIRST,
    sort_key=lambda row: f"{row['activity_date']} {row['created_at']}",
    after=_after,
    filters=FILTERS,
    validate=validate,
)
