"""The list of leads under any filters and orders, by page or by cursor, and its counts.

``leads/sql.py`` has the list without these parameters. The orders of ``INDEXED`` scan an index, so that every page by
cursor costs the same. A page is the union of parts that each scan one index: active and deleted leads, and leads with
and without a name. Other orders sort all leads that match the filters, up to ``MAX_SORTED``.
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

MAX_SORTED = 50_000  # leads that an order without an index sorts
MAX_COUNTED = 10_000  # leads that are counted one by one for an estimate
COUNT_TIMEOUT = 100  # milliseconds of an exact count, after which an estimate is used
ESTIMATE_TIMEOUT = 40  # milliseconds of counting, after which the planner's estimate is used

INDEXED = {"created_at": "created_at", "updated_at": "updated_at", "id": "id", "name": "name_key"}
SORTED = {
    "budget": "COALESCE(budget_max, budget_min)",
    "activity_count": "activity_count",
    "last_activity": LAST_ACTIVITY,
    "closed_at": "closed_at",
}
GROUPS = {"name": ("name_key > ''", "name_key = ''")}  # leads without a value come last in both directions
TIMESTAMPS = ("created_at", "updated_at")


class Order(NamedTuple):
    """The order of the list. Ties are sorted by id in the same direction."""

    name: str = "created_at"
    descending: bool = True

    @property
    def is_indexed(self) -> bool:
        """Return whether an index has this order."""
        return self.name in INDEXED

    @property
    def direction(self) -> str:
        """Return the direction in SQL."""
        return "DESC" if self.descending else "ASC"

    @property
    def key_type(self) -> type:
        """Return the type of a cursor's key in this order."""
        return int if self.name == "id" else str

    def __str__(self) -> str:
        return f"{'-' * self.descending}{self.name}"


def check_cursor(order: Order, cursor: Cursor) -> None:
    """Raise ``InvalidValue`` for a cursor whose key cannot be one of this order."""
    try:
        if order.name in TIMESTAMPS:
            datetime.fromisoformat(f"{cursor.key}+00:00")
    except ValueError:
        raise InvalidValue("value_error", "Value error, not a cursor") from None


class TooManyToSort(Exception):
    """More leads than ``MAX_SORTED`` in an order that no index has."""


class Page(NamedTuple):
    """The leads of a page, and the cursor of the last one if more leads follow."""

    rows: list[Row]
    last: Cursor | None


def fetch_page(
    filters: Mapping[str, Any],
    order: Order,
    size: int,
    offset: int = 0,
    after: Cursor | None = None,
    keys: tuple[str, ...] = (),
) -> Page:
    """Return ``size`` leads that match checked filters, after ``offset`` leads or a cursor, with ``keys`` added.

    Raises ``TooManyToSort``, and ``SearchTimeout`` for a search that takes too long.
    """
    where = conditions(filters)
    with bounded_search(filters.get("q")):
        if order.is_indexed:
            return _scan(few_in_budget(filters), where, deleted_of(filters), order, size, offset, after, keys)
        return _sort(where, deleted_of(filters), order, size, offset, keys)


def _scan(
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
    # A page with an offset is first read from the first part alone: the union sorts all leads up to the offset, which
    # takes three times as long, and temporary files.
    first_part_only = offset > 0 and len(_activity(deleted)) == 1
    found = _fetch_parts(source, parts[:1] if first_part_only else parts, filters, order, size, offset, keys)
    if first_part_only and len(parts) > 1 and len(found) <= size:
        found = _fetch_parts(source, parts, filters, order, size, offset, keys)
    rows = [_row(row, keys) for row in found[:size]]
    if len(found) <= size:
        return Page(rows, None)
    *_, group, sort_key = found[size - 1]
    return Page(rows, Cursor(group, sort_key, rows[-1]["id"], None))


def _fetch_parts(
    source: Condition,
    parts: Sequence[list[Condition]],
    filters: Sequence[Condition],
    order: Order,
    size: int,
    offset: int,
    keys: tuple[str, ...],
) -> list[tuple[Any, ...]]:
    """Return the rows of a page and the one after it, from the union of the parts."""
    table, source_values = source
    values = [value for part in parts for value in [*source_values, *(value for _, given in part for value in given)]]
    if len(parts) == 1:
        found_ids = _part_sql(table, parts[0], 0, order, f"LIMIT {size + 1:d} OFFSET {offset:d}")
    else:
        limit = f"LIMIT {offset + size + 1:d}"
        selected = [
            f"SELECT * FROM ({_part_sql(table, part, number % _groups(order), order, limit)}) AS part{number}"
            for number, part in enumerate(parts)
        ]
        sorting = f"ORDER BY sort_group, sort_key {order.direction}, id {order.direction}"
        together = " UNION ALL ".join(selected)
        found_ids = f"SELECT * FROM ({together}) AS parts {sorting} LIMIT {size + 1:d} OFFSET {offset:d}"
    statement = (
        f"SELECT {_columns(keys)}, page.sort_group, {_sort_key_as_json(order)} FROM ({found_ids}) AS page"
        f" JOIN leads_lead ON leads_lead.id = page.id {included.joins_of(keys)}"
        f" ORDER BY page.sort_group, page.sort_key {order.direction}, page.id {order.direction}"
    )
    # Only statements with one best plan are prepared: without filters there are few.
    usual = not filters and not offset and size in USUAL_SIZES
    return sql.fetch(statement, values) if usual else sql.fetch_once(statement, values)


def _part_sql(table: str, part: Sequence[Condition], group: int, order: Order, limit: str) -> str:
    """Return the SQL for the ids and sort keys of a part, in its order."""
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
    """Yield the conditions of each part. The group of a cursor begins after it; earlier groups have no more leads."""
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
    if order.name in TIMESTAMPS:
        key = connection.ops.adapt_datetimefield_value(datetime.fromisoformat(f"{after.key}+00:00"))
    return f"({INDEXED[order.name]}, id) {sign} (%s, %s)", [key, after.row_id]


def _sort_key_as_json(order: Order) -> str:
    return iso_sql("page.sort_key", sql.VENDOR) if order.name in TIMESTAMPS else "page.sort_key"


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


def count(filters: Mapping[str, Any], exact: bool) -> tuple[int, bool]:
    """Return how many leads match the filters, and whether that is exact.

    An estimate is exact up to ``MAX_COUNTED`` leads, and always on SQLite. An exact count that takes PostgreSQL more
    than ``COUNT_TIMEOUT`` becomes an estimate.
    """
    deleted = deleted_of(filters)
    if sql.VENDOR == "postgresql" and deleted is None and not _has_others(filters, "status"):
        return _stored_count(filters.get("status")), True
    where, values = _where(conditions(filters), deleted)
    if exact or sql.VENDOR != "postgresql":
        with suppress(SearchTimeout), statement_timeout(COUNT_TIMEOUT):
            return _count(f"SELECT count(*) FROM leads_lead {where}", values), True
    with suppress(SearchTimeout), statement_timeout(ESTIMATE_TIMEOUT):
        number = _count_up_to(where, values, MAX_COUNTED)
        if number <= MAX_COUNTED:
            return number, True
    return max(sql.planner_estimate(f"SELECT 1 FROM leads_lead {where}", values), MAX_COUNTED + 1), False


def _has_others(filters: Mapping[str, Any], *names: str) -> bool:
    return any(value is not None and name not in names for name, value in filters.items())


def _stored_count(statuses: Sequence[str] | None) -> int:
    """Return the number of active leads from the counts that PostgreSQL's triggers store (``LeadCount``)."""
    among, values = sql.among("status", statuses) if statuses is not None else ("1 = 1", [])
    statement = f"SELECT coalesce(sum(leads), 0) FROM leads_leadcount WHERE kind = 'status' AND {among}"
    return _count(statement, values)


def _count_up_to(where: str, values: Sequence[Any], limit: int) -> int:
    return _count(f"SELECT count(*) FROM (SELECT 1 FROM leads_lead {where} LIMIT {limit + 1:d}) AS counted", values)


def _count(statement: str, values: Sequence[Any]) -> int:
    return int(sql.fetch_once(statement, values)[0][0])


def _where(filters: Sequence[Condition], deleted: str | None) -> tuple[str, list[Any]]:
    activity = _activity(deleted)
    part = [*([(activity[0], [])] if len(activity) == 1 else []), *filters]
    where = " AND ".join(condition for condition, _ in part)
    return f"WHERE {where}" if where else "", [value for _, given in part for value in given]
