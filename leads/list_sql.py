"""The list of leads under any filters and orders, by page or by cursor, and its counts.

The plain list is in ``leads/sql.py``. The orders of ``INDEXED`` walk an index: a page by cursor costs the same however
far it is. The leads of a page are found in parts, each in one order of one index, which are put together: active and
deleted leads, and leads with and without a name. The others sort what the filters leave, up to ``MAX_SORTED`` leads.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import product
from typing import Any, NamedTuple

from django.db import connection

from crm_project.db import sql
from crm_project.http.cursors import Cursor
from crm_project.http.timestamps import iso_sql
from crm_project.validation import InvalidValue
from leads import included
from leads.filter_sql import conditions
from leads.filters import deleted_of
from leads.included import LAST_ACTIVITY, Row
from leads.serializers import OUT
from leads.sql import (
    USUAL_SIZES,
    Condition,
    SearchTimeout,
    bounded_search,
    columns,
    few_in_budget,
    statement_timeout,
)

MAX_SORTED = 50_000  # leads that are sorted without an index
MAX_COUNTED = 10_000  # leads that an estimate counts
COUNT_TIMEOUT = 100  # milliseconds of an exact count, after which it is an estimate
ESTIMATE_TIMEOUT = 40  # milliseconds in which an estimate counts, after which it is PostgreSQL's guess

INDEXED = {"created_at": "created_at", "updated_at": "updated_at", "id": "id", "name": "name_key"}
SORTED = {
    "budget": "COALESCE(budget_max, budget_min)",
    "activity_count": "activity_count",
    "last_activity": LAST_ACTIVITY,
    "closed_at": "closed_at",
}
GROUPS = {"name": ("name_key > ''", "name_key = ''")}  # leads without a value come last in both directions
MOMENTS = ("created_at", "updated_at")


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
