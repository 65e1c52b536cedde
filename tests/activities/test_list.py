"""GET /api/leads/{lead_id}/activities."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.models import Activity
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def lead(db: None) -> Lead:
    return make_lead()


def titles(api: Api, lead: Lead) -> list[str]:
    reply = api.get(f"/api/leads/{lead.pk}/activities")
    assert reply.status_code == 200, reply.content
    return [row["title"] for row in reply.json()]


def written(lead: Lead, agent: User, title: str, day: str, created_at: datetime) -> None:
    activity = make_activity(lead, agent, title=title, activity_date=day)
    Activity.objects.filter(pk=activity.pk).update(created_at=created_at)


def test_it_works(api: Api, agent: User, lead: Lead) -> None:
    moment = datetime(2026, 10, 7, 18, 15, tzinfo=UTC)
    activity = make_activity(lead, agent, notes="Talked about financing", duration=12)
    Activity.objects.update(created_at=moment)
    reply = api.get(f"/api/leads/{lead.pk}/activities")
    assert reply.status_code == 200
    assert reply.json() == [
        {
            "id": activity.pk,
            "lead_id": lead.pk,
            "user_id": agent.pk,
            "activity_type": "call",
            "title": "Intro call",
            "notes": "Talked about financing",
            "duration": 12,
            "activity_date": "2026-10-03",
            "created_at": "2026-10-07T18:15:00.000000",
            "user_name": "Agent One",
        }
    ]


def test_no_activity_is_an_empty_list(api: Api, lead: Lead) -> None:
    assert titles(api, lead) == []


def test_latest_day_first_whenever_it_was_written_down(api: Api, agent: User, lead: Lead) -> None:
    written(lead, agent, "middle", "2026-01-02", NOON)
    written(lead, agent, "latest", "2026-01-03", NOON - timedelta(days=9))
    written(lead, agent, "first", "2025-12-31", NOON + timedelta(days=9))
    assert titles(api, lead) == ["latest", "middle", "first"]


def test_of_one_day_the_last_written_down_first(api: Api, agent: User, lead: Lead) -> None:
    written(lead, agent, "second", "2026-01-02", NOON + timedelta(microseconds=1))
    written(lead, agent, "third", "2026-01-02", NOON + timedelta(microseconds=2))
    written(lead, agent, "first", "2026-01-02", NOON)
    assert titles(api, lead) == ["third", "second", "first"]


def test_among_equals_the_highest_id_comes_first(api: Api, agent: User, lead: Lead) -> None:
    for title in ("first", "second", "third"):
        written(lead, agent, title, "2026-01-02", NOON)
    assert titles(api, lead) == ["third", "second", "first"]


def test_all_of_them_and_no_other_lead_s(api: Api, agent: User, lead: Lead) -> None:
    make_activity(make_lead(), agent, title="other")
    for _ in range(30):
        make_activity(lead, agent)
    assert titles(api, lead) == ["Intro call"] * 30


def test_the_author_s_name_is_as_of_writing(api: Api, agent: User, lead: Lead) -> None:
    make_activity(lead, agent)
    agent.last_name = "Married"
    agent.save()
    row = api.get(f"/api/leads/{lead.pk}/activities").json()[0]
    assert (row["user_name"], row["user_id"]) == ("Agent One", agent.pk)


def test_activities_of_a_deactivated_agent_stay(api: Api, agent: User, lead: Lead) -> None:
    former = make_user(first_name="Former", last_name="Agent")
    make_activity(lead, former)
    former.is_active = False
    former.save()
    assert api.get(f"/api/leads/{lead.pk}/activities").json()[0]["user_name"] == "Former Agent"


def test_a_lead_that_is_not_there(api: Api, agent: User, lead: Lead) -> None:
    make_activity(lead, agent)
    Lead.objects.update(is_active=False)
    for number in (lead.pk, 0, 999_999_999, 2**63, 10**30):
        reply = api.get(f"/api/leads/{number}/activities")
        assert reply.status_code == 404
        assert list(reply.json()) == ["detail"]


def test_an_id_that_is_no_number(api: Api) -> None:
    assert refused(api.get("/api/leads/x/activities")) == [("int_parsing", ["path", "lead_id"])]


def test_a_trailing_slash_changes_nothing(api: Api, agent: User, lead: Lead) -> None:
    make_activity(lead, agent)
    path = f"/api/leads/{lead.pk}/activities"
    assert api.get(f"{path}/").status_code == 200
    assert api.get(f"{path}/").json() == api.get(path).json()
