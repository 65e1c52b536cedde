"""The frequent reads of leads as explicit SQL, with rows that are ready for JSON.

Building and compiling a queryset takes three times as long as running it. ``LeadFilter`` and ``LeadQuerySet`` have the
same queries for the ORM; a test compares the rows of both.
"""

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from crm_project.db import sql
from crm_project.db.replica import reading
from crm_project.http.timestamps import iso_sql
from leads.queries import SearchTerms
from leads.serializers import OUT

Row = dict[str, Any]
Condition = tuple[str, list[Any]]  # with a ``%s`` for each value

# By parameter, without ``q``. A missing end of the budget equals the other one, and the lower end is never above the
# higher one. So "either end is at least" is a condition on the higher end alone, which has an index.
HIGHER, LOWER = "COALESCE(budget_max, budget_min)", "COALESCE(budget_min, budget_max)"
CONDITIONS = {
    "status": "status = %s",
    "source": "source_key = %s",
    "min_budget": f"{HIGHER} >= %s",
    "max_budget": f"{LOWER} <= %s",
}
# By parameter: the index, and the order in which it begins with the leads that match.
BY_BUDGET = {"min_budget": ("leads_higher_budget", f"{HIGHER} DESC"), "max_budget": ("leads_lower_budget", LOWER)}
FEW = 1000  # matching leads; sorting that many is faster than searching through all leads in the list's order
FILTERS = (*CONDITIONS, "q")
NEWEST_FIRST = "ORDER BY leads_lead.created_at DESC, leads_lead.id DESC"
INDEXED_FILTERS: tuple[set[str], ...] = (set(), {"status"}, {"source"})  # with an index in the list's order
USUAL_SIZES = (10, 20, 25, 50, 100, 1000)
NEAR = 1000  # rows; beyond this offset, the ids of a page are first read from the index alone
_NEWEST = f"(SELECT * FROM leads_lead WHERE is_active {NEWEST_FIRST} LIMIT {2 * NEAR}) AS leads_lead"
# The ids of a page of all leads. The stored counts by day (``LeadCount``) give the day on which the page begins, so
# that only leads of that day are skipped. One statement has one snapshot, so the counts and the leads agree.
_IDS_BY_DAY_COUNTS = f"""
    WITH days AS (
        SELECT day, sum(sum(leads)) OVER (ORDER BY day DESC) - sum(leads) AS newer
        FROM leads_leadcount WHERE kind = 'created' GROUP BY day
    ), begins AS (SELECT day, newer FROM days WHERE newer <= {{offset:d}} ORDER BY day LIMIT 1)
    SELECT id FROM leads_lead
    WHERE is_active AND created_at < (SELECT (day + 1)::timestamp AT TIME ZONE 'UTC' FROM begins)
    {NEWEST_FIRST} LIMIT {{size:d}} OFFSET {{offset:d}} - (SELECT newer FROM begins)"""
SEARCH_TIMEOUT = 5000  # milliseconds; a scan of a million leads takes half a second

_trigram = re.compile(r"[^\W_]{3}")


class SearchTimeout(Exception):
    """A search took longer than its timeout."""


def fetch_page(filters: Mapping[str, Any], offset: int, size: int) -> list[Row]:
    """Return ``size`` active leads that match the checked filters, after the first ``offset``, newest first.

    Raises ``SearchTimeout`` if ``q`` has no word that an index can find, and the scan exceeds ``SEARCH_TIMEOUT``.
    """
    if query := list_query(filters, offset, size):
        return _rows(sql.fetch(*query))
    where, values = _where(filters)
    part = f"{where} {NEWEST_FIRST} LIMIT {size:d} OFFSET {offset:d}"
    with bounded_search(filters.get("q")):
        if (
            sql.VENDOR == "postgresql"
            and offset + size <= NEAR
            and any(filters.get(name) is not None for name in BY_BUDGET)
        ):
            found = sql.fetch_once(f"{_select()} FROM {_NEWEST} {part}", values)
            if len(found) == size:
                return _rows(found)
        source, source_values = few_in_budget(filters)
        statement = f"{_select()} FROM {source} {part}"
        if offset > NEAR:
            ids = f"SELECT id FROM {source} {part}"
            if not values and sql.VENDOR == "postgresql":
                ids = _IDS_BY_DAY_COUNTS.format(size=size, offset=offset)
            statement = f"{_select()} FROM leads_lead JOIN ({ids}) AS part ON part.id = leads_lead.id {NEWEST_FIRST}"
        return _rows(sql.fetch_once(statement, [*source_values, *values]))


def list_query(filters: Mapping[str, Any], offset: int, size: int) -> sql.Query | None:
    """Return the query of a frequent page that one index scan serves best; ``None`` for other pages.

    PostgreSQL plans a prepared statement once. So only a query with one best plan may be prepared.
    """
    used = {name for name in FILTERS if filters.get(name) is not None}
    if offset or size not in USUAL_SIZES or used not in INDEXED_FILTERS:
        return None
    where, values = _where(filters)
    return f"{_select()} FROM leads_lead {where} {NEWEST_FIRST} LIMIT {size:d}", values


def fetch_one(lead_id: int) -> tuple[Row, int] | None:
    """Return the active lead with that id and its version; ``None`` if there is none."""
    found = sql.fetch(f"{_select('version')} FROM leads_lead WHERE id = %s AND is_active", [lead_id])
    return (dict(zip(OUT, found[0], strict=False)), found[0][-1]) if found else None


@contextmanager
def bounded_search(terms: SearchTerms | None) -> Generator[None]:
    """Limit the time of a search to ``SEARCH_TIMEOUT`` if no word has three letters in a row.

    The trigram index does not serve such words: PostgreSQL scans the leads, newest first. That is short for a common
    word, but reads all leads for a rare one.
    """
    if terms is None or any(map(_trigram.search, terms.words)):
        yield
        return
    with statement_timeout(SEARCH_TIMEOUT):
        yield


@contextmanager
def statement_timeout(milliseconds: int) -> Generator[None]:
    """Raise ``SearchTimeout`` for a query in this block that takes PostgreSQL longer. SQLite has no limit."""
    if sql.VENDOR != "postgresql":
        yield
        return
    try:
        with transaction.atomic(reading().alias), reading().cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {milliseconds:d}")
            yield
            cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # an outer transaction goes on
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise SearchTimeout from None
        raise


def _where(filters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    parts: list[str] = ["is_active"]
    values: list[Any] = []
    if (terms := filters.get("q")) is not None:
        condition, values = search_condition(terms)
        parts.append(condition)
    for name, condition in CONDITIONS.items():
        if (value := filters.get(name)) is not None:
            parts.append(condition)
            values.append(value[0] if isinstance(value, tuple) else value)
    return f"WHERE {' AND '.join(parts)}", values


def search_condition(terms: SearchTerms) -> Condition:
    """Return the condition of a search: all words occur, or the telephone number."""
    contains = f"search {connection.operators['contains']}"  # type: ignore[attr-defined]
    texts = [*terms.words, *filter(None, [terms.number])]
    patterns = [f"%{connection.ops.prep_for_like_query(text)}%" for text in texts]
    words = " AND ".join([contains] * len(terms.words))
    return f"({words} OR {contains})" if terms.number else words, patterns


def few_in_budget(filters: Mapping[str, Any]) -> Condition:
    """Return the source for FROM and its values: by the budget's index if few leads match it, else the whole table.

    Both databases would otherwise search through all leads in the order of the list. OFFSET 0 makes PostgreSQL use the
    index first.
    """
    for name, (index, order) in BY_BUDGET.items():
        if (value := filters.get(name)) is None:
            continue
        if sql.fetch(
            f"SELECT 1 FROM leads_lead WHERE {CONDITIONS[name]} ORDER BY {order} LIMIT 1 OFFSET {FEW}", [value]
        ):
            continue
        if sql.VENDOR == "postgresql":
            return f"(SELECT * FROM leads_lead WHERE {CONDITIONS[name]} OFFSET 0) AS leads_lead", [value]
        return f"leads_lead INDEXED BY {index}", []
    return "leads_lead", []


def _rows(found: Iterable[tuple[Any, ...]]) -> list[Row]:
    return [dict(zip(OUT, row, strict=True)) for row in found]


@cache
def _select(*more: str) -> str:
    return f"SELECT {', '.join((*columns(), *more))}"


@cache
def columns() -> tuple[str, ...]:
    """Return the SQL of the columns of ``OUT``, in the form that they have in JSON."""
    written = {field: iso_sql(f"leads_lead.{field}", sql.VENDOR) for field in ("created_at", "updated_at")}
    return tuple(written.get(field, f"leads_lead.{field}") for field in OUT)
