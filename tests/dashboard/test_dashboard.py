"""GET /api/dashboard."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activities.models import Activity
from dashboard import queries
from leads.models import Lead
from leads.validators import PIPELINE
from tests.conftest import Api
from tests.factories import activity_row, make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 11, 15, 30, tzinfo=UTC)
WEEK = datetime(2026, 3, 4, tzinfo=UTC)
MONTH = datetime(2026, 3, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
EMPTY: dict[str, Any] = {
    "total_leads": 0,
    "new_leads_this_week": 0,
    "closed_leads_this_month": 0,
    "total_activities": 0,
    "leads_by_status": [],
    "recent_activities": [],
}


@pytest.fixture
def at(api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that returns the dashboard at any time."""

    def show(moment: datetime, **parameters: str) -> dict[str, Any]:
        monkeypatch.setattr(queries, "timezone", SimpleNamespace(now=lambda: moment))
        reply = api.get("/api/dashboard", **parameters)
        assert reply.status_code == 200
        return reply.json()

    return show


Show = Callable[..., dict[str, Any]]


def test_it_works(at: Show, agent: User) -> None:
    old = make_lead(created_at=WEEK - timedelta(days=30), status="contacted")
    make_lead(created_at=NOW, status="new")
    make_lead(created_at=WEEK - timedelta(days=9), status="closed", closed_at=NOW)
    activity = make_activity(old, agent, notes="Talked", duration=12)
    Activity.objects.update(created_at=NOW)
    assert at(NOW) == {
        "total_leads": 3,
        "new_leads_this_week": 1,
        "closed_leads_this_month": 1,
        "total_activities": 1,
        "leads_by_status": [
            {"status": "new", "count": 1},
            {"status": "contacted", "count": 1},
            {"status": "closed", "count": 1},
        ],
        "recent_activities": [
            {
                "id": activity.pk,
                "lead_id": old.pk,
                "user_id": agent.pk,
                "activity_type": "call",
                "title": "Intro call",
                "notes": "Talked",
                "duration": 12,
                "activity_date": "2026-10-03",
                "created_at": "2026-03-11T15:30:00.000000",
                "user_name": "Agent One",
            }
        ],
    }


def test_no_leads(api: Api) -> None:
    reply = api.get("/api/dashboard")
    assert (reply.status_code, reply.json()) == (200, EMPTY)
    assert api.get("/api/dashboard/").json() == EMPTY


def test_new_leads_and_activities_are_counted(api: Api) -> None:
    row = {"first_name": "A", "last_name": "", "email": "", "phone": ""}
    lead, _ = api.post("/api/leads", [row, {**row, "status": "closed"}]).json()
    api.post(f"/api/leads/{lead['id']}/activities", [activity_row(), activity_row()])
    data = api.get("/api/dashboard").json()
    assert len(data.pop("recent_activities")) == 2
    assert data == {
        "total_leads": 2,
        "new_leads_this_week": 2,
        "closed_leads_this_month": 1,
        "total_activities": 2,
        "leads_by_status": [{"status": "new", "count": 1}, {"status": "closed", "count": 1}],
    }


@pytest.mark.parametrize(
    ("created_at", "counted"),
    [(WEEK - TICK, 0), (WEEK, 1), (WEEK + TICK, 1), (NOW - timedelta(days=7), 1), (NOW, 1)],
)
def test_the_week_begins_at_midnight_seven_days_ago(at: Show, created_at: datetime, counted: int) -> None:
    make_lead(created_at=created_at)
    assert at(NOW)["new_leads_this_week"] == counted
    assert at(NOW)["total_leads"] == 1


def test_the_week_changes_at_midnight_utc(at: Show) -> None:
    make_lead(created_at=WEEK)
    midnight = datetime(2026, 3, 12, tzinfo=UTC)
    assert at(midnight - TICK)["new_leads_this_week"] == 1
    assert at(midnight)["new_leads_this_week"] == 0


def test_a_week_across_two_years(at: Show) -> None:
    make_lead(created_at=datetime(2025, 12, 26, tzinfo=UTC))
    make_lead(created_at=datetime(2025, 12, 26, tzinfo=UTC) - TICK)
    assert at(datetime(2026, 1, 2, 3, tzinfo=UTC))["new_leads_this_week"] == 1


@pytest.mark.parametrize(("closed_at", "counted"), [(MONTH - TICK, 0), (MONTH, 1), (NOW, 1), (None, 0)])
def test_the_month_begins_at_midnight_on_the_first(at: Show, closed_at: datetime | None, counted: int) -> None:
    make_lead(status="closed", created_at=MONTH - timedelta(days=90), closed_at=closed_at)
    assert at(NOW)["closed_leads_this_month"] == counted


def test_the_month_changes_at_midnight_utc(at: Show) -> None:
    make_lead(status="closed", closed_at=MONTH)
    april = datetime(2026, 4, 1, tzinfo=UTC)
    assert at(april - TICK)["closed_leads_this_month"] == 1
    assert at(april)["closed_leads_this_month"] == 0


def closed_now(api: Api) -> int:
    count = api.get("/api/dashboard").json()["closed_leads_this_month"]
    assert isinstance(count, int)
    return count


LAST_MONTH = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)


def test_closed_last_month_and_edited_this_month_does_not_count(api: Api) -> None:
    lead = make_lead(status="closed", created_at=LAST_MONTH, updated_at=LAST_MONTH, closed_at=LAST_MONTH)
    assert api.put(f"/api/leads/{lead.pk}", {"first_name": "Edited"}).status_code == 200
    assert api.put(f"/api/leads/{lead.pk}", {"status": "closed"}).status_code == 200
    assert closed_now(api) == 0


def test_reopened_and_closed_again_counts(api: Api) -> None:
    lead = make_lead(status="closed", created_at=LAST_MONTH, closed_at=LAST_MONTH)
    assert api.put(f"/api/leads/{lead.pk}", {"status": "negotiation"}).status_code == 200
    assert closed_now(api) == 0
    assert api.put(f"/api/leads/{lead.pk}", {"status": "Closed"}).status_code == 200
    assert closed_now(api) == 1
    assert api.put(f"/api/leads/{lead.pk}", {"status": "lost"}).status_code == 200
    assert closed_now(api) == 0


def test_an_old_lead_that_closes_now_counts(api: Api) -> None:
    lead = make_lead(created_at=LAST_MONTH)
    assert closed_now(api) == 0
    api.put(f"/api/leads/{lead.pk}", {"status": "closed"})
    assert closed_now(api) == 1


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_deleted_leads_and_their_activities_are_not_counted(api: Api, agent: User, method: str) -> None:
    lead = make_lead(status="closed", closed_at=timezone.now())
    make_activity(lead, agent)
    assert api.get("/api/dashboard").json()["total_activities"] == 1
    assert api.send(method, f"/api/leads/{lead.pk}", {"is_active": False}).status_code in (200, 204)
    assert api.get("/api/dashboard").json() == EMPTY


def test_statuses_are_in_pipeline_order_then_by_name(api: Api) -> None:
    for status in ("zebra", "lost", "closed", "above", "negotiation", "new", "contacted", "new", "qualified", "über"):
        make_lead(status=status)
    make_lead(status="deleted", is_active=False)
    data = [(row["status"], row["count"]) for row in api.get("/api/dashboard").json()["leads_by_status"]]
    assert data == [("new", 2), *((status, 1) for status in (*PIPELINE[1:], "above", "zebra", "über"))]


def test_totals_are_sums(api: Api, agent: User) -> None:
    for status in ("new", "new", "lost", "viewing"):
        make_activity(make_lead(status=status), agent)
    data = api.get("/api/dashboard").json()
    assert data["total_leads"] == sum(row["count"] for row in data["leads_by_status"]) == 4
    assert data["total_activities"] == Activity.objects.count() == 4


def test_the_ten_last_activities(api: Api, agent: User) -> None:
    lead = make_lead()
    for day in range(1, 13):
        make_activity(lead, agent, title=f"day {day}", activity_date=f"2026-01-{day:02d}")
    data = api.get("/api/dashboard").json()["recent_activities"]
    assert [row["title"] for row in data] == [f"day {day}" for day in range(12, 2, -1)]


def test_recent_activities_are_ordered_by_day_time_and_id(api: Api, agent: User) -> None:
    def log(title: str, day: str, moment: datetime) -> None:
        activity = make_activity(make_lead(), agent, title=title, activity_date=day)
        Activity.objects.filter(pk=activity.pk).update(created_at=moment)

    log("fourth", "2026-01-02", NOW - TICK)
    log("third", "2026-01-02", NOW)
    log("second", "2026-01-02", NOW)
    log("first", "2026-01-03", NOW - timedelta(days=1))
    log("last", "2026-01-01", NOW + timedelta(days=1))
    data = api.get("/api/dashboard").json()["recent_activities"]
    assert [row["title"] for row in data] == ["first", "second", "third", "fourth", "last"]


def test_all_users_see_all_leads(api: Api, anonymous: Api, agent: User) -> None:
    make_activity(make_lead(), agent)
    assert anonymous.get("/api/dashboard").status_code == 401
    assert api.get("/api/dashboard").json()["total_leads"] == Lead.objects.count() == 1


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL stores the counts")
def test_sqlite_counts_with_a_covering_index() -> None:
    for status in PIPELINE:
        make_lead(status=status)
    with CaptureQueriesContext(connection) as caught:
        queries.count_leads(queries.periods(NOW))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {caught[0]['sql']}")
        (step,) = cursor.fetchall()
    assert "COVERING INDEX leads_counted" in step[-1]


def test_the_week_and_the_month_of_another_zone(at: Show) -> None:
    """In Chicago, which is six hours behind until the clocks change, it is still the evening before."""
    now = datetime(2026, 3, 1, 3, tzinfo=UTC)
    make_lead(created_at=datetime(2026, 2, 21, 7, tzinfo=UTC), status="new")
    make_lead(created_at=datetime(2026, 1, 1, tzinfo=UTC), status="closed", closed_at=datetime(2026, 2, 2, tzinfo=UTC))
    figures = [
        (shown["new_leads_this_week"], shown["closed_leads_this_month"])
        for shown in (at(now), at(now, tz=""), at(now, tz="UTC"), at(now, tz="America/Chicago"))
    ]
    assert figures == [(0, 0), (0, 0), (0, 0), (1, 1)]


def test_an_unknown_zone(api: Api) -> None:
    reply = api.get("/api/dashboard", tz="Nowhere")
    assert (reply.status_code, reply.json()["detail"][0]["loc"]) == (422, ["query", "tz"])
