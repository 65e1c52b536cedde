"""The explicit statements of the hot reads give what their ORM forms do."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads import filter_sql, list_sql, list_view, sql
from leads.filters import LeadFilter
from leads.list_sql import Order
from leads.models import Lead
from leads.serializers import OUT, lead_out
from tests.conftest import Api, Case
from tests.factories import make_lead

pytestmark = pytest.mark.django_db

NAMES = ("Ada", "Åsa", "100%", "a_b", "back\\slash")
STATUSES = ("new", "closed")
BUDGETS = ((None, None), (None, 5), (3, None), (0, 0), (3, 5), (2**63 - 1, 2**63 - 1))


@pytest.fixture
def leads() -> None:
    """Some of every kind, many of one moment, some of a moment without a fraction, some deleted."""
    moments = (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC))
    for place, (name, status, budgets) in enumerate(product(NAMES, STATUSES, BUDGETS)):
        lowest, highest = budgets
        lead = make_lead(
            first_name=name, status=status, budget_min=lowest, budget_max=highest, source="Zillow" if place % 3 else "x"
        )
        changes: dict[str, Any] = {"created_at": moments[place % 2], "updated_at": moments[place // 2 % 2]}
        Lead.objects.filter(pk=lead.pk).update(**changes, is_active=place % 7 != 0, activity_count=place, version=place)


def by_orm(query: dict[str, Any], offset: int = 0, size: int = 1000) -> list[dict[str, Any]]:
    found = LeadFilter.find(checked(query)).newest_first()[offset : offset + size]
    return [lead_out(lead) for lead in found]


def checked(query: dict[str, Any]) -> dict[str, Any]:
    """Return the checked values of query parameters."""
    values, errors = LeadFilter.validate(query)
    assert errors == []
    return values


QUERIES: list[dict[str, Any]] = [
    {},
    *({"q": word} for word in ("ada", "ÅSA", "%", "_", "\\", "a_", "0%", "nobody")),
    {"q": "Lovelace a"},
    {"status": "closed"},
    {"source": "zillow"},
    *({name: money} for name in ("min_budget", "max_budget") for money in ("0", "3", "4", "5", "6", str(2**63 - 1))),
    {"min_budget": "4", "max_budget": "4"},
    {"q": "a", "status": "new", "source": "Zillow", "min_budget": "1", "max_budget": "9"},
    {"q": "", "status": "", "source": "", "min_budget": "", "max_budget": ""},
    {"status": "all", "unknown": "x"},
]


@pytest.mark.usefixtures("leads")
@pytest.mark.parametrize("few", [2, sql.FEW])
def test_a_page(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(sql, "FEW", few)
    found = {str(query): sql.fetch_page(checked(query), 0, 1000) for query in QUERIES}
    assert found == {str(query): by_orm(query) for query in QUERIES}
    assert all(tuple(row) == OUT and row["is_active"] is True for rows in found.values() for row in rows)
    lengths = [len(rows) for rows in found.values()]
    assert 0 in lengths
    assert len(set(lengths)) > 8, "the filters tell the leads apart"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL's plans are in tests/test_plans.py")
@pytest.mark.usefixtures("leads")
@pytest.mark.parametrize(
    ("wanted", "few", "index"),
    [
        ({"min_budget": 6}, 10, "leads_higher_budget"),
        ({"min_budget": 0, "max_budget": 0, "status": "new"}, 20, "leads_lower_budget"),
        ({"min_budget": 0}, 10, "leads_newest"),
    ],
)
def test_few_budgets_are_not_looked_for_among_all_leads(
    monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any], few: int, index: str
) -> None:
    monkeypatch.setattr(sql, "FEW", few)
    with CaptureQueriesContext(connection) as caught:
        sql.fetch_page(wanted, 0, 10)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {caught[-1]['sql']}")
        assert f"USING INDEX {index}" in cursor.fetchall()[0][-1]


@pytest.mark.usefixtures("leads")
@pytest.mark.parametrize("near", [0, 1000])
@pytest.mark.parametrize("query", [{}, {"q": "a", "status": "new", "min_budget": "1"}])
def test_pages_partition_the_list(monkeypatch: pytest.MonkeyPatch, near: int, query: dict[str, Any]) -> None:
    monkeypatch.setattr(sql, "NEAR", near)
    pages = [sql.fetch_page(checked(query), offset, 4) for offset in range(0, 60, 4)]
    assert [row for page in pages for row in page] == by_orm(query)
    assert pages[-1] == []


@pytest.mark.django_db
def test_pages_begin_in_the_middle_of_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deep pages are found by the stored counts of days: with gaps between the days, and leads that left or came
    back.
    """
    monkeypatch.setattr(sql, "NEAR", -1)
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    moments = [midnight + timedelta(hours=hours) for hours in (0, 0, 0, 23, 24, 71, 72, 72, 500)]
    moments.append(midnight - timedelta(microseconds=1))
    leads = [make_lead(created_at=moment) for moment in moments * 3]
    Lead.objects.filter(pk__in=[lead.pk for lead in leads[::7]]).update(is_active=False)
    Lead.objects.filter(pk=leads[7].pk).update(is_active=True)
    expected = by_orm({})
    assert len(expected) == 26
    for size in (1, 4, 100):
        pages = [sql.fetch_page({}, offset, size) for offset in range(0, 40, size)]
        assert [row for page in pages for row in page] == expected
    Lead.objects.update(is_active=False)
    assert sql.fetch_page({}, 5, 5) == []


def test_every_filter_has_its_condition() -> None:
    assert {*filter_sql.MODIFIERS, *filter_sql.CONDITIONS} == set(LeadFilter.base_filters)
    assert {"q", *sql.CONDITIONS, "page", "size"} == list_view.CONTRACT


@pytest.mark.usefixtures("leads")
def test_both_ways_to_a_page_give_the_same(case: Case) -> None:
    for query in QUERIES:
        with case(query):
            assert list_sql.fetch_page(checked(query), Order(), 1000).rows == sql.fetch_page(checked(query), 0, 1000)
            assert LeadFilter(query, Lead.objects.active()).qs.count() == len(by_orm(query))


@pytest.mark.usefixtures("leads")
def test_one() -> None:
    for lead in Lead.objects.all():
        assert sql.fetch_one(lead.pk) == ((lead_out(lead), lead.version) if lead.is_active else None)
    assert sql.fetch_one(2**63 - 1) is None


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no time limit, and scans for every word")
def test_a_search_that_no_index_helps_is_stopped(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with connection.cursor() as cursor:  # a walk that takes longer than the limit
        cursor.execute("CREATE FUNCTION slow(text) RETURNS text LANGUAGE sql AS 'SELECT $1 FROM pg_sleep(60)'")
    monkeypatch.setattr(sql, "SEARCH_TIMEOUT", 50)
    monkeypatch.setitem(connection.operators, "contains", "LIKE slow(%s)")
    make_lead()
    reply = api.get("/api/leads", q="x #y")
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert (problem["type"], problem["loc"], problem["input"]) == ("value_error", ["query", "q"], "x #y")
    monkeypatch.undo()
    assert len(api.get("/api/leads", q="a").json()) == 1, "the connection is fit for use"
