"""The list of leads under any filters and orders, by page or by cursor, and its counts.

The plain list is in ``leads/sql.py``. The orders of ``INDEXED`` walk an index: a page by cursor costs the same however
far it is. The leads of a page are found in parts, each in one order of one index, which are put together: active and
deleted leads, and leads with and without a name. The others sort what the filters leave, up to ``MAX_SORTED`` leads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from crm_project.db import sql
from crm_project.db.change_time import from_microseconds
from crm_project.http.cursors import Cursor
from crm_project.http.timestamps import iso_sql
from crm_project.validation import InvalidValue
from leads import included
from leads.consents import REVOKED, latest_sql
from leads.filters import NONE, START, deleted_of
from leads.included import LAST_ACTIVITY, Row
from leads.queries import DUE, first_of_last, midnight
from leads.serializers import OUT
from leads.sql import (
    USUAL_SIZES,
    Condition,
    SearchTimeout,
    bounded_search,
    columns,
    few_in_budget,
    search_condition,
    statement_timeout,
)
from leads.validators import CLOSED_STATUSES

MAX_SORTED = 50_000  # leads that are sorted without an index
MAX_COUNTED = 10_000  # leads that an estimate counts
COUNT_TIMEOUT = 100  # milliseconds of an exact count, after which it is an estimate
ESTIMATE_TIMEOUT = (
    40  # milliseconds in which an estimate counts up to MAX_COUNTED, after which it is PostgreSQL's guess
)

INDEXED = {"created_at": "created_at", "updated_at": "updated_at", "id": "id", "name": "name_key"}
SORTED = {
    "budget": "COALESCE(budget_max, budget_min)",
    "activity_count": "activity_count",
    "last_activity": LAST_ACTIVITY,
    "closed_at": "closed_at",
}
GROUPS = {"name": ("name_key > ''", "name_key = ''")}  # leads without a value come last in both directions
MOMENTS = ("created_at", "updated_at")


# Leads that were not written since a time, with an activity on a day after one and until another one.
ARRIVED = (
    "SELECT DISTINCT activity.lead_id FROM activities_activity AS activity"
    " JOIN leads_lead AS lead ON lead.id = activity.lead_id AND lead.change_time < %s"
    " WHERE activity.activity_date > %s AND activity.activity_date <= %s"
)
OPEN_FOLLOW_UP = (
    "SELECT 1 FROM activities_followup AS follow_up"
    " WHERE follow_up.lead_id = leads_lead.id AND follow_up.done_at IS NULL"
)


class Order(NamedTuple):
    """What the list is sorted by. Ties are sorted by id in the same direction."""

    name: str = "created_at"
    descending: bool = True

    @property
    def is_indexed(self) -> bool:
        """Whether an index has this order."""
        return self.name in INDEXED

    @property
    def direction(self) -> str:
        """In SQL."""
        return "DESC" if self.descending else "ASC"

    @property
    def key_type(self) -> type:
        """Of a cursor's key."""
        return int if self.name == "id" else str

    def __str__(self) -> str:
        return f"{'-' * self.descending}{self.name}"


def check_cursor(order: Order, cursor: Cursor) -> None:
    """Raise ``InvalidValue`` for a cursor whose key cannot be one of this order."""
    try:
        if order.name in MOMENTS:
            datetime.fromisoformat(f"{cursor.key}+00:00")
    except ValueError:
        raise InvalidValue("value_error", "Value error, not a cursor") from None


class TooManyToSort(Exception):
    """More leads than ``MAX_SORTED`` in an order that no index has."""


class Page(NamedTuple):
    """The leads of a page, and the cursor of its last one where more leads follow."""

    rows: list[Row]
    last: Cursor | None


def fetch_page(
    wanted: Mapping[str, Any],
    order: Order,
    size: int,
    offset: int = 0,
    after: Cursor | None = None,
    keys: tuple[str, ...] = (),
) -> Page:
    """``size`` leads that fit checked filters: after the first ``offset``, or after a cursor; with ``keys`` included.

    Raises ``TooManyToSort``, and ``SearchTimeout`` for a search that would read too many leads.
    """
    filters = conditions(wanted)
    with bounded_search(wanted.get("q")):
        if order.is_indexed:
            return _walk(few_in_budget(wanted), filters, deleted_of(wanted), order, size, offset, after, keys)
        return _sort(filters, deleted_of(wanted), order, size, offset, keys)


def _walk(
    source: Condition,
    filters: Sequence[Condition],
    deleted: str | None,
    order: Order,
    size: int,
    offset: int,
    after: Cursor | None,
    keys: tuple[str, ...],
) -> Page:
    parts = list(_parts(filters, deleted, order, after))
    # Behind an offset, the page is first looked for in the first part alone: all parts together are sorted up to there,
    # which takes three times as long, and a file on the disk.
    is_alone = offset > 0 and len(_activity(deleted)) == 1
    found = _found(source, parts[:1] if is_alone else parts, filters, order, size, offset, keys)
    if is_alone and len(parts) > 1 and len(found) <= size:
        found = _found(source, parts, filters, order, size, offset, keys)
    rows = [_row(row, keys) for row in found[:size]]
    if len(found) <= size:
        return Page(rows, None)
    *_, group, sort_key = found[size - 1]
    return Page(rows, Cursor(group, sort_key, rows[-1]["id"], None))


def _found(
    source: Condition,
    parts: Sequence[list[Condition]],
    filters: Sequence[Condition],
    order: Order,
    size: int,
    offset: int,
    keys: tuple[str, ...],
) -> list[tuple[Any, ...]]:
    """The rows of a page, and one more, of what is in these parts of the source together."""
    table, few = source
    values = [value for part in parts for value in [*few, *(value for _, given in part for value in given)]]
    if len(parts) == 1:
        found_ids = _of_part(table, parts[0], 0, order, f"LIMIT {size + 1:d} OFFSET {offset:d}")
    else:
        limit = f"LIMIT {offset + size + 1:d}"
        selected = [
            f"SELECT * FROM ({_of_part(table, part, number % _groups(order), order, limit)}) AS part{number}"
            for number, part in enumerate(parts)
        ]
        sorting = f"ORDER BY sort_group, sort_key {order.direction}, id {order.direction}"
        together = " UNION ALL ".join(selected)
        found_ids = f"SELECT * FROM ({together}) AS parts {sorting} LIMIT {size + 1:d} OFFSET {offset:d}"
    statement = (
        f"SELECT {_columns(keys)}, page.sort_group, {_written(order)} FROM ({found_ids}) AS page"
        f" JOIN leads_lead ON leads_lead.id = page.id {included.joins_of(keys)}"
        f" ORDER BY page.sort_group, page.sort_key {order.direction}, page.id {order.direction}"
    )
    # Without filters there are few statements, each with one best plan.
    usual = not filters and not offset and size in USUAL_SIZES
    return sql.fetch(statement, values) if usual else sql.fetch_once(statement, values)


def _of_part(table: str, part: Sequence[Condition], group: int, order: Order, limit: str) -> str:
    """The ids and sort keys of a part, in its order."""
    key = INDEXED[order.name]
    where = " AND ".join(condition for condition, _ in part)
    return (
        f"SELECT id, {key} AS sort_key, {group} AS sort_group FROM {table}"
        f" WHERE {where} ORDER BY {key} {order.direction}, id {order.direction} {limit}"
    )


def _groups(order: Order) -> int:
    return len(GROUPS.get(order.name, ("",)))


def _parts(
    filters: Sequence[Condition], deleted: str | None, order: Order, after: Cursor | None
) -> Iterator[list[Condition]]:
    """The conditions of each part: those of a cursor's group begin after the cursor, earlier groups have no more."""
    for active, (group, condition) in product(_activity(deleted), enumerate(GROUPS.get(order.name, ("",)))):
        part: list[Condition] = [(active, []), *filters]
        if condition:
            part.append((condition, []))
        if after is not None and group < after.group:
            part.append(("1 = 0", []))
        elif after is not None and group == after.group:
            part.append(_beyond(order, after))
        yield part


def _activity(deleted: str | None) -> tuple[str, ...]:
    return {"only": ("NOT is_active",), "include": ("is_active", "NOT is_active")}.get(deleted or "", ("is_active",))


def _beyond(order: Order, after: Cursor) -> Condition:
    sign = "<" if order.descending else ">"
    if order.name == "id":
        return f"id {sign} %s", [after.row_id]
    key: Any = after.key
    if order.name in MOMENTS:
        key = connection.ops.adapt_datetimefield_value(datetime.fromisoformat(f"{after.key}+00:00"))
    return f"({INDEXED[order.name]}, id) {sign} (%s, %s)", [key, after.row_id]


def _written(order: Order) -> str:
    return iso_sql("page.sort_key", sql.VENDOR) if order.name in MOMENTS else "page.sort_key"


def _sort(
    filters: Sequence[Condition], deleted: str | None, order: Order, size: int, offset: int, keys: tuple[str, ...]
) -> Page:
    where, values = _where(filters, deleted)
    if _count_up_to(where, values, MAX_SORTED) > MAX_SORTED:
        raise TooManyToSort
    key = included.with_today(SORTED[order.name])
    sorting = f"ORDER BY sort_key {order.direction} NULLS LAST, id {order.direction}"
    statement = (
        f"SELECT {_columns(keys)}"
        f" FROM (SELECT id, {key} AS sort_key FROM leads_lead {where}"
        f" {sorting} LIMIT {size:d} OFFSET {offset:d}) AS page"
        f" JOIN leads_lead ON leads_lead.id = page.id {included.joins_of(keys)}"
        f" ORDER BY page.sort_key {order.direction} NULLS LAST, page.id {order.direction}"
    )
    return Page([_row(row, keys) for row in sql.fetch_once(statement, values)], None)


def _columns(keys: tuple[str, ...]) -> str:
    return ", ".join((*columns(), *included.columns_of(keys)))


def _row(values: Sequence[Any], keys: tuple[str, ...]) -> Row:
    row = dict(zip(OUT, values, strict=False))
    included.add(row, keys, values[len(OUT) :])
    return row


def count(wanted: Mapping[str, Any], exact: bool) -> tuple[int, bool]:
    """How many leads fit, and whether that is exact: an estimate is up to ``MAX_COUNTED``, or where SQLite counts.

    An exact count that takes PostgreSQL more than ``COUNT_TIMEOUT`` becomes an estimate.
    """
    deleted = deleted_of(wanted)
    if sql.VENDOR == "postgresql" and deleted is None and not _others(wanted, "status"):
        return _stored_count(wanted.get("status")), True
    where, values = _where(conditions(wanted), deleted)
    if exact or sql.VENDOR != "postgresql":
        with suppress(SearchTimeout), statement_timeout(COUNT_TIMEOUT):
            return _count(f"SELECT count(*) FROM leads_lead {where}", values), True
    with suppress(SearchTimeout), statement_timeout(ESTIMATE_TIMEOUT):
        number = _count_up_to(where, values, MAX_COUNTED)
        if number <= MAX_COUNTED:
            return number, True
    return max(sql.planner_estimate(f"SELECT 1 FROM leads_lead {where}", values), MAX_COUNTED + 1), False


def _others(wanted: Mapping[str, Any], *names: str) -> bool:
    return any(value is not None and name not in names for name, value in wanted.items())


def _stored_count(statuses: Sequence[str] | None) -> int:
    """The active leads by the counts that PostgreSQL's triggers store (``LeadCount``)."""
    among, values = sql.among("status", statuses) if statuses is not None else ("1 = 1", [])
    statement = f"SELECT coalesce(sum(leads), 0) FROM leads_leadcount WHERE kind = 'status' AND {among}"
    return _count(statement, values)


def _count_up_to(where: str, values: Sequence[Any], most: int) -> int:
    return _count(f"SELECT count(*) FROM (SELECT 1 FROM leads_lead {where} LIMIT {most + 1:d}) AS counted", values)


def _count(statement: str, values: Sequence[Any]) -> int:
    return int(sql.fetch_once(statement, values)[0][0])


def _where(filters: Sequence[Condition], deleted: str | None) -> tuple[str, list[Any]]:
    activity = _activity(deleted)
    part = [*([(activity[0], [])] if len(activity) == 1 else []), *filters]
    where = " AND ".join(condition for condition, _ in part)
    return f"WHERE {where}" if where else "", [value for _, given in part for value in given]


def conditions(wanted: Mapping[str, Any]) -> list[Condition]:
    """The SQL of all filters but ``deleted``, of checked values."""
    given = {name: value for name, value in wanted.items() if value is not None and name in CONDITIONS}
    if given.get("updated_since") == START:
        del given["updated_since"]
    return [CONDITIONS[name](value) for name, value in given.items()]


def _moment(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _compare(comparison: str) -> Callable[[Any], Condition]:
    return lambda value: (f"{comparison} %s", [_moment(value) if isinstance(value, datetime) else value])


def _among(column: str) -> Callable[[Sequence[Any]], Condition]:
    return partial(sql.among, column)


def _any_of(condition: Callable[[Any], Condition]) -> Callable[[Sequence[Any]], Condition]:
    def any_of(values: Sequence[Any]) -> Condition:
        if len(values) == 1:  # the planner knows single conditions better
            return condition(values[0])
        conditions = [condition(value) for value in values]
        return f"({' OR '.join(f'({where})' for where, _ in conditions)})", [
            one for _, given in conditions for one in given
        ]

    return any_of


def _open(wanted: bool) -> Condition:
    return f"status {'NOT ' * wanted}IN (%s, %s)", list(CLOSED_STATUSES)


def _inactive_days(days: int) -> Condition:
    first = first_of_last(days)
    activity = "SELECT 1 FROM activities_activity AS activity WHERE activity.lead_id = leads_lead.id"
    within = "activity.activity_date >= %s AND activity.activity_date <= %s"  # not in the future
    bounds = [connection.ops.adapt_datefield_value(day) for day in (first, timezone.localdate())]
    return f"created_at < %s AND NOT EXISTS ({activity} AND {within})", [_moment(midnight(first)), *bounds]


def _changed_since(time: int) -> Condition:
    """Written since, or with an activity that lay in the future then and does not now: its day writes nothing."""
    then, today = timezone.localdate(from_microseconds(time)), timezone.localdate()
    if then >= today:
        return "change_time >= %s", [time]
    days = [connection.ops.adapt_datefield_value(day) for day in (then, today)]
    arrived = [number for (number,) in sql.fetch_once(ARRIVED, [time, *days])]
    among, values = sql.among("leads_lead.id", arrived)
    return f"(change_time >= %s OR {among})", [time, *values]


def _created_by(user: int | str) -> Condition:
    """The authors first: then PostgreSQL knows how many leads each has."""
    if user == NONE:
        no_user = [number for (number,) in sql.fetch("SELECT id FROM leads_author WHERE user_id IS NULL", [])]
        among, values = sql.among("created_by_id", no_user)
        return f"(created_by_id IS NULL OR {among})", values
    authors = [number for (number,) in sql.fetch("SELECT id FROM leads_author WHERE user_id = %s", [user])]
    return _among("created_by_id")(authors)


def _due(when: str) -> Condition:
    """By the next follow-up: one is due then, and none earlier."""
    if when == NONE:
        where, values = _open(True)
        return f"{where} AND NOT EXISTS ({OPEN_FOLLOW_UP})", values
    first, end = (day and connection.ops.adapt_datefield_value(day) for day in DUE[when](timezone.localdate()))
    due = "SELECT follow_up.lead_id FROM activities_followup AS follow_up WHERE follow_up.done_at IS NULL"
    if first is None:
        return f"leads_lead.id IN ({due} AND follow_up.due_on < %s)", [end]
    where = f"leads_lead.id IN ({due} AND follow_up.due_on >= %s AND follow_up.due_on < %s)"
    return f"{where} AND NOT EXISTS ({OPEN_FOLLOW_UP} AND follow_up.due_on < %s)", [first, end, first]


def _owner(user: int | str) -> Condition:
    return ("owner_id IS NULL", []) if user == NONE else ("owner_id = %s", [user])


def _contactable(way: str) -> Condition:
    address = "email" if way == "email" else "phone"
    return f"NOT ({address} = '') AND coalesce({latest_sql(way)}, '') <> '{REVOKED}'", []


def _tags(tags: Sequence[str]) -> Condition:
    """The first condition is that of the indexes, word for word."""
    contains = f"tag_keys {connection.operators['contains']}"  # type: ignore[attr-defined]
    patterns = [f"%,{connection.ops.prep_for_like_query(tag)},%" for tag in tags]
    return " AND ".join(["NOT (tag_keys = '')", *[contains] * len(tags)]), patterns


CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "q": search_condition,
    "status": _among("status"),
    "source": _among("source_key"),
    "min_budget": _compare("COALESCE(budget_max, budget_min) >="),
    "max_budget": _compare("COALESCE(budget_min, budget_max) <="),
    "id": _among("id"),
    "created_from": _compare("created_at >="),
    "created_to": _compare("created_at <"),
    "closed_from": _compare("closed_at >="),
    "closed_to": _compare("closed_at <"),
    "updated_since": _changed_since,
    "open": _open,
    "inactive_days": _inactive_days,
    "created_by": _any_of(_created_by),
    "owner": _any_of(_owner),
    "tag": _tags,
    "due": _any_of(_due),
    "contactable": _any_of(_contactable),
}
