"""The explicit statements of the hot reads give what their ORM forms do."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities import sql
from activities.models import Activity
from activities.serializers import OUT, activity_out
from leads.models import Lead
from tests.factories import make_activity, make_lead, make_user

pytestmark = pytest.mark.django_db

DAYS = (date(2026, 1, 2), date(2025, 12, 31), date(1, 1, 1))
MOMENTS = (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, 60, tzinfo=UTC))


@pytest.fixture
def leads() -> list[Lead]:
    """Three, one of them deleted, each with activities that tie in every way."""
    user = make_user()
    leads = [make_lead() for _ in range(3)]
    for place in range(36):
        activity = make_activity(
            leads[place % 3], user, activity_date=str(DAYS[place // 3 % 3]), notes=("", None)[place % 2]
        )
        Activity.objects.filter(pk=activity.pk).update(created_at=MOMENTS[place // 9 % 2])
    Lead.objects.filter(pk=leads[2].pk).update(is_active=False)
    return leads


def test_of_a_lead(leads: list[Lead]) -> None:
    for lead in leads[:2]:
        found = sql.of_lead(lead.pk)
        assert found == [activity_out(activity) for activity in Activity.objects.of_lead(lead.pk).latest_first()]
        assert found is not None
        assert [tuple(row) for row in found] == [OUT] * 12


def test_of_a_lead_without_any() -> None:
    assert sql.of_lead(make_lead().pk) == []


def test_of_no_active_lead(leads: list[Lead]) -> None:
    assert sql.of_lead(leads[2].pk) is None
    assert sql.of_lead(2**63 - 1) is None


def test_the_latest(leads: list[Lead]) -> None:
    latest = Activity.objects.of_active_leads().latest_first()
    assert sql.latest(10) == [activity_out(activity) for activity in latest[:10]]
    assert len(sql.latest(100)) == 24


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="tests/test_plans.py has PostgreSQL's")
def test_sqlite_walks_to_the_latest_whatever_its_statistics_say(leads: list[Lead]) -> None:
    with CaptureQueriesContext(connection) as caught:
        sql.latest(10)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("UPDATE sqlite_stat1 SET stat = '100000 1 1 1 1 1' WHERE tbl = 'leads_lead'")
        cursor.execute("UPDATE sqlite_stat1 SET stat = '200000 3 1 1 1' WHERE tbl = 'activities_activity'")
        cursor.execute("ANALYZE sqlite_schema")  # read them
        cursor.execute(f"EXPLAIN QUERY PLAN {caught[-1]['sql']}")
        steps = [step[-1] for step in cursor.fetchall()]
    assert steps[0] == "SCAN activity USING INDEX activities_latest"
    assert not [step for step in steps[1:] if "SCAN" in step or "BLOOM" in step]
