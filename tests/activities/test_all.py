"""GET /api/activities, and pages of GET /api/leads/{lead_id}/activities."""

from typing import Any
from urllib.parse import quote

import pytest
from django.http import HttpResponse

from activities.models import Activity
from leads.models import Lead
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def activities(agent: User) -> list[Activity]:
    """Activities of two users with two leads, and with one that is deleted."""
    leads, users = [make_lead(), make_lead()], [agent, make_user()]
    made = [
        make_activity(
            leads[place % 2],
            users[place // 2 % 2],
            activity_type=("call", "email", "visit")[place % 3],
            activity_date=f"2026-10-{1 + place // 3:02}",
        )
        for place in range(12)
    ]
    gone = make_lead()
    make_activity(gone, agent)
    Lead.objects.filter(pk=gone.pk).update(is_active=False)
    return made


def latest_first(activities: list[Activity]) -> list[int]:
    ordered = sorted(activities, key=lambda one: (one.activity_date, one.created_at, one.pk), reverse=True)
    return [one.pk for one in ordered]


def ids(reply: HttpResponse) -> list[int]:
    assert reply.status_code == 200, reply.content
    return [row["id"] for row in reply.json()]


def test_it_works(api: Api, activities: list[Activity]) -> None:
    reply = api.get("/api/activities", size=100)
    assert ids(reply) == latest_first(activities)
    one = next(row for row in reply.json() if row["lead_id"] == activities[0].lead_id)
    assert one in api.get(f"/api/leads/{activities[0].lead_id}/activities").json()
    assert ids(api.get("/api/activities", page=2, size=5)) == latest_first(activities)[5:10]


def test_filters(api: Api, agent: User, activities: list[Activity]) -> None:
    first, other = activities[0], activities[2]
    cases: list[tuple[str, Any]] = [
        (f"lead={first.lead_id}", lambda one: one.lead_id == first.lead_id),
        ("user=me", lambda one: one.user_id == agent.pk),
        (f"user={other.user_id}&type=CALL", lambda one: one.user_id == other.user_id and one.activity_type == "call"),
        ("type=call&type=visit", lambda one: one.activity_type in ("call", "visit")),
        ("from=2026-10-02&to=2026-10-03", lambda one: "2026-10-02" <= str(one.activity_date) <= "2026-10-03"),
        ("lead=&user=&type=&from=&to=", lambda one: True),
        ("lead=999999999", lambda one: False),
    ]
    for query, fits in cases:
        reply = api.get(f"/api/activities?size=100&count=exact&{query}")
        expected = latest_first([one for one in activities if fits(Activity.objects.get(pk=one.pk))])
        assert (query, ids(reply)) == (query, expected)
        assert reply["X-Total-Count"] == str(len(expected))
        place = f"0-{len(expected) - 1}" if expected else "*"
        assert reply["Content-Range"] == f"activities {place}/{len(expected)}"


def test_a_walk_finds_each_once(api: Api, activities: list[Activity]) -> None:
    target, found = "/api/activities?after=&size=5&type=call&type=email&count=estimated", []
    while target:
        reply = api.get(target)
        found += ids(reply)
        assert reply["X-Total-Count"] == "8"
        target = reply.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert found == latest_first([one for one in activities if one.activity_type != "visit"])


def test_bad_parameters(api: Api, case: Case) -> None:
    for query, problems in [
        ("colour=red", [("extra_forbidden", ["query", "colour"])]),
        ("lead=x&from=y", [("int_parsing", ["query", "lead"]), ("date_from_datetime_parsing", ["query", "from"])]),
        ("user=you", [("int_parsing", ["query", "user"])]),
        ("after=x", [("value_error", ["query", "after"])]),
        ("after=&page=1", [("value_error", ["query", "after"])]),
        ("count=all", [("literal_error", ["query", "count"])]),
        ("size=0", [("greater_than_equal", ["query", "size"])]),
    ]:
        with case(query, problems):
            assert refused(api.get(f"/api/activities?{query}")) == problems


def test_a_cursor_of_other_filters(api: Api, activities: list[Activity]) -> None:
    link = api.get("/api/activities?after=&size=5")["Link"]
    cursor = link.partition("after=")[2].partition("&")[0].partition(">")[0]
    assert refused(api.get(f"/api/activities?after={quote(cursor)}&type=call")) == [("value_error", ["query", "after"])]


def test_pages_of_one_lead(api: Api, agent: User) -> None:
    lead = make_lead()
    path = f"/api/leads/{lead.pk}/activities"
    assert api.get(path, page=1).json() == []
    made = [make_activity(lead, agent, activity_date=f"2026-10-{day:02}") for day in range(1, 13)]
    everything = api.get(path).json()
    assert [row["id"] for row in everything] == latest_first(made)
    assert api.get(path, page=1).json() == everything[:10]
    assert api.get(path, page=2, size=5).json() == everything[5:10]
    assert api.get(path, page=9).json() == []
    assert refused(api.get(path, size=0)) == [("greater_than_equal", ["query", "size"])]
    assert api.get("/api/leads/999999999/activities", page=1).status_code == 404
