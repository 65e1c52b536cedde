"""The hot reads of leads as explicit statements, their rows ready for JSON.

Building and compiling a queryset costs three times what running it does. What is asked here has its ORM form in
``LeadFilter`` and ``LeadQuerySet``; a test compares the rows of both.
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

# By parameter; ``q`` is one comparison for each word. An end of the budget that is not given is the other one, and the
# lower is never above the higher: so "either is at least" is a question about the higher alone, which has an index.
HIGHER, LOWER = "COALESCE(budget_max, budget_min)", "COALESCE(budget_min, budget_max)"
CONDITIONS = {
    "status": "status = %s",
    "source": "source_key = %s",
    "min_budget": f"{HIGHER} >= %s",
    "max_budget": f"{LOWER} <= %s",
}
# Their indexes, and the orders in which these begin with the leads that fit.
BY_BUDGET = {"min_budget": ("leads_higher_budget", f"{HIGHER} DESC"), "max_budget": ("leads_lower_budget", LOWER)}
FEW = 1000  # leads that are sorted sooner than as many are found among the newest
FILTERS = (*CONDITIONS, "q")
NEWEST_FIRST = "ORDER BY leads_lead.created_at DESC, leads_lead.id DESC"
WALKS: tuple[set[str], ...] = (set(), {"status"}, {"source"})  # filters that have an index in the list's order
USUAL_SIZES = (10, 20, 25, 50, 100, 1000)
NEAR = 1000  # rows; beyond it a page is first found in the index alone
_NEWEST = f"(SELECT * FROM leads_lead WHERE is_active {NEWEST_FIRST} LIMIT {2 * NEAR}) AS leads_lead"
# The ids of a page of all leads. The counts that PostgreSQL keeps tell on which day it begins, so that only leads of
# that day are passed over. One statement, so one picture of the table: the counts and the leads agree.
_FROM_ITS_DAY = f"""
    WITH days AS (
        SELECT day, sum(sum(leads)) OVER (ORDER BY day DESC) - sum(leads) AS newer
        FROM leads_leadcount WHERE kind = 'created' GROUP BY day
    ), begins AS (SELECT day, newer FROM days WHERE newer <= {{offset:d}} ORDER BY day LIMIT 1)
    SELECT id FROM leads_lead
    WHERE is_active AND created_at < (SELECT (day + 1)::timestamp AT TIME ZONE 'UTC' FROM begins)
    {NEWEST_FIRST} LIMIT {{size:d}} OFFSET {{offset:d}} - (SELECT newer FROM begins)"""
MAX_WALK = 5000  # milliseconds; a million leads take half a second

_trigram = re.compile(r"[^\W_]{3}")


class SearchTimeout(Exception):
    """A search that would read too many leads."""


def fetch_page(wanted: Mapping[str, Any], offset: int, size: int) -> list[Row]:
    """``size`` active leads after the first ``offset`` that fit the checked parameters, newest first.

    Raises ``SearchTimeout`` where ``q`` holds nothing that an index knows and finds too little in ``MAX_WALK``.
    """
    if query := list_query(wanted, offset, size):
        return _rows(sql.fetch(*query))
    where, values = _where(wanted)
    part = f"{where} {NEWEST_FIRST} LIMIT {size:d} OFFSET {offset:d}"
    with bounded_search(wanted.get("q")):
        if (
            sql.VENDOR == "postgresql"
            and offset + size <= NEAR
            and any(wanted.get(name) is not None for name in BY_BUDGET)
        ):
            found = sql.fetch_once(f"{_select()} FROM {_NEWEST} {part}", values)
            if len(found) == size:
                return _rows(found)
        source, few = few_in_budget(wanted)
        statement = f"{_select()} FROM {source} {part}"
        if offset > NEAR:
            ids = f"SELECT id FROM {source} {part}"
            if not values and sql.VENDOR == "postgresql":
                ids = _FROM_ITS_DAY.format(size=size, offset=offset)
            statement = f"{_select()} FROM leads_lead JOIN ({ids}) AS part ON part.id = leads_lead.id {NEWEST_FIRST}"
        return _rows(sql.fetch_once(statement, [*few, *values]))


def list_query(wanted: Mapping[str, Any], offset: int, size: int) -> sql.Query | None:
    """The query for a page that is asked for often, and has one best plan whatever the values: a walk along one index.

    ``None`` for any other page: a statement that is prepared is planned once.
    """
    asked = {name for name in FILTERS if wanted.get(name) is not None}
    if offset or size not in USUAL_SIZES or asked not in WALKS:
        return None
    where, values = _where(wanted)
    return f"{_select()} FROM leads_lead {where} {NEWEST_FIRST} LIMIT {size:d}", values


def fetch_one(lead_id: int) -> tuple[Row, int] | None:
    """The active lead of that id and its version, if there is one."""
    found = sql.fetch(f"{_select('version')} FROM leads_lead WHERE id = %s AND is_active", [lead_id])
    return (dict(zip(OUT, found[0], strict=False)), found[0][-1]) if found else None


@contextmanager
def bounded_search(terms: SearchTerms | None) -> Generator[None]:
    """Stop PostgreSQL's walk through the newest leads, which is all it can do for words without three letters in a row.

    Usually such a word is common and the walk short; a rare one could go on through millions.
    """
    if terms is None or any(map(_trigram.search, terms.words)):
        yield
        return
    with statement_timeout(MAX_WALK):
        yield


@contextmanager
def statement_timeout(milliseconds: int) -> Generator[None]:
    """Raise ``SearchTimeout`` for a read inside that takes PostgreSQL longer; SQLite takes as long as it takes."""
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


def _where(wanted: Mapping[str, Any]) -> tuple[str, list[Any]]:
    parts: list[str] = ["is_active"]
    values: list[Any] = []
    if (terms := wanted.get("q")) is not None:
        condition, values = search_condition(terms)
        parts.append(condition)
    for name, condition in CONDITIONS.items():
        if (value := wanted.get(name)) is not None:
            parts.append(condition)
            values.append(value[0] if isinstance(value, tuple) else value)
    return f"WHERE {' AND '.join(parts)}", values


def search_condition(terms: SearchTerms) -> Condition:
    """All words occur, or the telephone number."""
    contains = f"search {connection.operators['contains']}"  # type: ignore[attr-defined]
    wanted = [*terms.words, *filter(None, [terms.number])]
    patterns = [f"%{connection.ops.prep_for_like_query(word)}%" for word in wanted]
    words = " AND ".join([contains] * len(terms.words))
    return f"({words} OR {contains})" if terms.number else words, patterns


def few_in_budget(wanted: Mapping[str, Any]) -> Condition:
    """Return the leads to search through, as a table after FROM, with its values: those of a budget that few have.

    Otherwise all. Both databases would look for the few among all leads, in the order of the list. OFFSET 0 makes
    PostgreSQL find them by their index first.
    """
    for name, (index, order) in BY_BUDGET.items():
        if (value := wanted.get(name)) is None:
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
    """The columns of ``OUT`` as JSON has them."""
    written = {field: iso_sql(f"leads_lead.{field}", sql.VENDOR) for field in ("created_at", "updated_at")}
    return tuple(written.get(field, f"leads_lead.{field}") for field in OUT)
