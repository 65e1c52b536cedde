"""GET, PUT, PATCH and DELETE /api/activities/{activity_id}."""

from collections.abc import Callable
from typing import Any

import pytest

from activities.models import Activity
from leads.models import Lead, LeadChange
from maintenance.integrity.checks import find_inconsistencies
from maintenance.privacy.erase import erase
from tests.admin.people import join
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import SOMEBODY, activity_row, make_activity, make_lead, make_user
from users.models import User
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Lead:
    return make_lead(email="who@example.com")


@pytest.fixture
def activity(lead: Lead, agent: User) -> Activity:
    return make_activity(lead, agent, notes="secret", duration=5)


def test_a_new_activity_has_its_place(api: Api, lead: Lead) -> None:
    reply = api.post(f"/api/leads/{lead.pk}/activities", activity_row())
    assert api.get(reply["Location"]).json() == reply.json()
    assert "Location" not in api.post(f"/api/leads/{lead.pk}/activities", [activity_row()])


def path(activity: Activity) -> str:
    return f"/api/activities/{activity.pk}"


def entry(api: Api, lead: Lead) -> dict[str, Any]:
    """Return the newest entry of a lead's history."""
    found: dict[str, Any] = api.get(f"/api/leads/{lead.pk}/history").json()[0]
    return found


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_it_works(api: Api, lead: Lead, activity: Activity, method: str) -> None:
    before = api.get(path(activity)).json()
    assert before == api.get(f"/api/leads/{lead.pk}/activities").json()[0]
    sent = {"title": " Second call ", "activity_date": "2026-11-01", "id": 9, "user_name": "Nobody"}
    reply = api.send(method, path(activity), sent)
    assert reply.status_code == 200, reply.content
    assert (
        reply.json()
        == {**before, "title": "Second call", "activity_date": "2026-11-01"}
        == api.get(path(activity)).json()
    )
    changed = entry(api, lead)
    assert (changed["kind"], changed["activity_id"], changed["user_name"]) == (
        "activity_changed",
        activity.pk,
        "Agent One",
    )
    assert changed["changes"] == [
        {"field": "activity_date", "old": "2026-10-03", "new": "2026-11-01"},
        {"field": "title", "old": "Intro call", "new": "Second call"},
    ]
    stored = Lead.objects.get(pk=lead.pk)
    assert (stored.activity_count, stored.version) == (1, 1)
    assert stored.change_time > lead_time(lead)


def lead_time(lead: Lead) -> int:
    """When the lead was created, as its column of changes has it."""
    return int(lead.created_at.timestamp() * 1_000_000)


def test_a_change_of_nothing_stores_nothing(api: Api, activity: Activity) -> None:
    before = api.get(path(activity)).json()
    for body in ({}, {"title": "Intro call"}, before):
        assert api.put(path(activity), body).json() == before
    assert not LeadChange.objects.exists()


def test_a_deleted_activity_is_gone_and_counted_no_more(api: Api, lead: Lead, agent: User, activity: Activity) -> None:
    make_activity(lead, agent)
    assert api.send("DELETE", f"{path(activity)}?dry_run=true").status_code == 204
    assert api.get(path(activity)).status_code == 200
    assert api.delete(path(activity)).status_code == 204
    assert api.get(path(activity)).status_code == api.delete(path(activity)).status_code == 404
    assert api.get(f"/api/leads/{lead.pk}").json()["activity_count"] == 1
    deleted = entry(api, lead)
    assert (deleted["kind"], deleted["activity_id"]) == ("activity_deleted", activity.pk)
    assert {row["field"]: (row["old"], row["new"]) for row in deleted["changes"]} == {
        "activity_type": ("call", None),
        "title": ("Intro call", None),
        "notes": ("secret", None),
        "duration": (5, None),
        "activity_date": ("2026-10-03", None),
    }
    assert list(find_inconsistencies()) == []


def test_rights(api: Api, api_as: Callable[[User], Api], activity: Activity) -> None:
    manager, agent = make_user(), make_user()
    join(manager, MANAGERS)
    for method, body, right in (("PATCH", {"title": "x"}, "change"), ("DELETE", None, "delete")):
        reply = api_as(agent).send(method, path(activity), body)
        assert (reply.status_code, f"activities.{right}_activity" in reply.json()["detail"]) == (403, True)
    assert api_as(agent).get(path(activity)).status_code == 200
    assert api_as(manager).patch(path(activity), {"title": "x"}).status_code == 200
    assert Activity.objects.get().user_name == "Agent One"
    assert api_as(manager).delete(path(activity)).status_code == 204


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"colour": "red"}, [("extra_forbidden", ["body", "colour"])]),
        (
            {"title": " ", "duration": -1},
            [("string_too_short", ["body", "title"]), ("greater_than_equal", ["body", "duration"])],
        ),
        ({"activity_date": None}, [("date_type", ["body", "activity_date"])]),
        ([], [("model_attributes_type", ["body"])]),
    ],
)
def test_bad_bodies(api: Api, activity: Activity, body: Any, problems: Any) -> None:
    assert refused(api.patch(path(activity), body)) == problems


def test_no_such_activity(api: Api, lead: Lead, activity: Activity) -> None:
    for number in (999_999_999, 0, 10**30):
        assert api.get(f"/api/activities/{number}").status_code == 404
    assert refused(api.get("/api/activities/x")) == [("int_parsing", ["path", "activity_id"])]
    assert refused(api.get(f"{path(activity)}?page=1")) == [("extra_forbidden", ["query", "page"])]
    api.delete(f"/api/leads/{lead.pk}")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert api.send(method, path(activity), activity_row()).status_code == 404


def test_texts_of_a_changed_activity_are_erased_with_the_person(
    api: Api, lead: Lead, agent: User, activity: Activity
) -> None:
    api.patch(path(activity), {"notes": "still secret", "title": "Whispers"})
    api.delete(path(make_activity(lead, agent, notes="secret too")))
    erase("who@example.com", SOMEBODY)
    reported = str(list(LeadChange.objects.values_list("changes", flat=True)))
    assert "secret" not in reported
    assert "Whispers" not in reported
