"""The keys that ``include`` adds to a lead: version, owner, tags and others, in the order of ``INCLUDED``."""

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.utils import timezone

from crm_project.db import sql
from crm_project.http.timestamps import day_sql, iso_sql
from crm_project.validation import InvalidValue
from leads.consents import WAYS, latest_sql
from leads.validators import split_tags
from users.directory import NAME

Row = dict[str, Any]
OWNER = "LEFT JOIN users_user AS owner ON owner.id = leads_lead.owner_id"
AUTHOR = "LEFT JOIN leads_author AS author ON author.id = leads_lead.created_by_id"
TODAY = ":today:"  # a placeholder in SQL, which ``with_today`` replaces
# A future activity counts from its day on. So this is computed for each request, not stored.
LAST_ACTIVITY = (
    "(SELECT max(activity_date) FROM activities_activity AS activity"
    f" WHERE activity.lead_id = leads_lead.id AND activity.activity_date <= {TODAY})"
)


# The earliest open follow-up; one without a time precedes the others of its day.
NEXT_FOLLOW_UP = (
    "LEFT JOIN activities_followup AS follow_up ON follow_up.id = ("
    "SELECT id FROM activities_followup AS open_one"
    " WHERE open_one.lead_id = leads_lead.id AND open_one.done_at IS NULL"
    " ORDER BY open_one.due_on, open_one.due_time, open_one.id LIMIT 1)"
)
NEXT = {
    "id": "follow_up.id",
    "lead_id": "follow_up.lead_id",
    "title": "follow_up.title",
    "kind": "follow_up.kind",
    "due_on": day_sql("follow_up.due_on", sql.VENDOR),
    "due_time": "nullif(follow_up.due_time, '')",
    "assignee_id": "follow_up.assignee_id",
    "done_at": iso_sql("follow_up.done_at", sql.VENDOR),
    "activity_id": "follow_up.activity_id",
    "created_at": iso_sql("follow_up.created_at", sql.VENDOR),
    "created_by": "follow_up.created_by_id",
}


class Included(NamedTuple):
    """A key of ``include``: its SQL columns, the function that makes its value of them, and the join that they need."""

    columns: tuple[str, ...]
    value: Callable[..., Any]
    join: str = ""


def _person(user_id: int | None, name: str | None) -> Row | None:
    """Return the author of a lead with the name as of writing; ``None`` for an operator, who has no account."""
    return None if user_id is None else {"id": user_id, "name": name}


def _follow_up(*values: Any) -> Row | None:
    return None if values[0] is None else dict(zip(NEXT, values, strict=True))


def _owner(user_id: int | None, username: str, first_name: str, last_name: str) -> Row | None:
    """Return the owner of a lead with the present name; ``None`` if there is none."""
    return None if user_id is None else _person(user_id, f"{first_name} {last_name}".strip() or username)


def _tags(stored: str | None) -> list[str]:
    return split_tags(stored or "")


def _unchanged(value: Any) -> Any:
    return value


INCLUDED: dict[str, Included] = {
    "version": Included(("leads_lead.version",), _unchanged),
    "owner": Included(tuple(f"owner.{name}" for name in ("id", *NAME)), _owner, OWNER),
    "created_by": Included(("author.user_id", "author.name"), _person, AUTHOR),
    "tags": Included(("leads_lead.tags",), _tags),
    "last_activity": Included((day_sql(LAST_ACTIVITY, sql.VENDOR),), _unchanged),
    "next_follow_up": Included(tuple(NEXT.values()), _follow_up, NEXT_FOLLOW_UP),
    "consent": Included(tuple(map(latest_sql, WAYS)), lambda *states: dict(zip(WAYS, states, strict=True))),
    "closed_at": Included((iso_sql("leads_lead.closed_at", sql.VENDOR),), _unchanged),
}


def parse(given: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of lists with commas, in the order of ``INCLUDED``. Raise ``InvalidValue`` for an unknown key."""
    requested = {key.strip() for value in given for key in value.split(",")} - {""}
    if unknown := requested - INCLUDED.keys():
        known = ", ".join(INCLUDED)
        raise InvalidValue("value_error", f"Value error, unknown key {min(unknown)[:50]!r}; known keys are {known}")
    return tuple(key for key in INCLUDED if key in requested)


def with_today(statement: str) -> str:
    """Return SQL with today's date, in the office's time zone, in start of ``TODAY``."""
    return statement.replace(TODAY, f"'{timezone.localdate():%Y-%m-%d}'")


def columns_of(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the SQL columns that these keys are made of."""
    return tuple(with_today(column) for key in keys for column in INCLUDED[key].columns)


@cache
def joins_of(keys: tuple[str, ...]) -> str:
    """Return the SQL joins that these keys need."""
    return " ".join(INCLUDED[key].join for key in keys if INCLUDED[key].join)


def add(row: Row, keys: Collection[str], values: Sequence[Any]) -> None:
    """Add the keys to a lead from the values of ``columns_of(keys)``."""
    start = 0
    for key in keys:
        included = INCLUDED[key]
        row[key] = included.value(*values[start : start + len(included.columns)])
        start += len(included.columns)


def add_to(rows: Sequence[Row], keys: tuple[str, ...]) -> None:
    """Add the keys to stored leads. One query for any number of them."""
    if not keys or not rows:
        return
    columns = columns_of(keys)
    among, ids = sql.among("leads_lead.id", [row["id"] for row in rows])
    statement = f"SELECT {', '.join(('leads_lead.id', *columns))} FROM leads_lead {joins_of(keys)} WHERE {among}"
    found = {lead_id: values for lead_id, *values in sql.fetch_once(statement, ids)}
    for row in rows:
        add(row, keys, found.get(row["id"], [None] * len(columns)))
