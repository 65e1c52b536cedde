"""Follow-ups: /api/leads/{lead_id}/follow-ups, /api/activities/follow-ups, /done, and POST /api/leads/{lead_id}/log."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from activities.follow_ups import querysets
from activities.models import Activity, FollowUp
from leads.importing.undo import undo
from leads.models import ImportRun, Lead
from maintenance.integrity.checks import find_inconsistencies
from maintenance.integrity.repair import repair
from maintenance.privacy.erase import erase
from tests.admin.people import join
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import SOMEBODY, activity_row, make_activity, make_follow_up, make_lead, make_user
from users.audit import Actor, Channel
from users.models import User
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db

ALL = "/api/activities/follow-ups"
KEYS = ["id", "lead_id", "title", "kind", "due_on", "due_time", "assignee_id", "done_at", "activity_id", "created_at"]


def row(**fields: Any) -> dict[str, Any]:
    return {"title": "Call back", "kind": "call", "due_on": "2026-12-03", "due_time": "14:30", **fields}


@pytest.fixture
def lead() -> Lead:
    return make_lead(email="who@example.com")


@pytest.fixture
def follow_up(lead: Lead, agent: User) -> FollowUp:
    return make_follow_up(lead, agent)


def of(lead: Lead) -> str:
    return f"/api/leads/{lead.pk}/follow-ups"


def ids(reply: HttpResponse) -> list[int]:
    assert reply.status_code == 200, reply.content
    return [one["id"] for one in reply.json()]


def test_it_works(api: Api, agent: User, lead: Lead) -> None:
    before = Lead.objects.get(pk=lead.pk)
    reply = api.post(of(lead), row(title=" Call back ", kind="CALL"))
    assert reply.status_code == 201, reply.content
    made = reply.json()
    assert list(made) == [*KEYS, "created_by"]
    assert {**made, "id": 0, "created_at": ""} == {
        **row(),
        **{"id": 0, "lead_id": lead.pk, "assignee_id": agent.pk, "created_by": agent.pk, "created_at": ""},
        **{"done_at": None, "activity_id": None},
    }
    assert api.get(reply["Location"]).json() == made
    assert api.get(of(lead)).json() == [made] == api.get(ALL).json()
    assert api.get(f"/api/leads/{lead.pk}?include=next_follow_up").json()["next_follow_up"] == made
    after = Lead.objects.get(pk=lead.pk)
    assert (after.version, after.updated_at, after.activity_count) == (1, before.updated_at, 0)
    assert after.change_time > before.change_time
    entry = api.get(f"/api/leads/{lead.pk}/history").json()[0]
    assert (entry["kind"], entry["about"], entry["user_name"]) == ("follow_up", "call: Call back", "Agent One")
    assert {"field": "due_on", "old": None, "new": "2026-12-03"} in entry["changes"]


REFUSED: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"title": " "}, ("string_too_short", "title")),
    ({"kind": "x" * 33}, ("string_too_long", "kind")),
    ({"due_on": "3 Dec"}, ("date_from_datetime_parsing", "due_on")),
    ({"due_time": "25:00"}, ("time_parsing", "due_time")),
    ({"due_time": "14:30:10"}, ("time_parsing", "due_time")),
    ({"due_time": 5}, ("time_type", "due_time")),
    ({"assignee_id": 999999}, ("value_error", "assignee_id")),
    ({"assignee_id": "x"}, ("int_parsing", "assignee_id")),
    ({"colour": "red"}, ("extra_forbidden", "colour")),
]


def test_what_is_refused(api: Api, lead: Lead, follow_up: FollowUp, case: Case) -> None:
    for changed, problem in REFUSED:
        with case(changed, problem):
            kind, field = problem
            body = {"activity": activity_row(), "follow_up": row(**changed)}
            assert refused(api.post(of(lead), row(**changed))) == [(kind, ["body", field])]
            assert refused(api.patch(f"{ALL}/{follow_up.pk}", changed)) == [(kind, ["body", field])]
            assert refused(api.post(f"/api/leads/{lead.pk}/log", body)) == [(kind, ["body", "follow_up", field])]
            assert refused(api.post(f"{ALL}/{follow_up.pk}/done", {"next": row(**changed)})) == [
                (kind, ["body", "next", field])
            ]
            assert (FollowUp.objects.open().count(), Activity.objects.count()) == (1, 0)


def test_required_fields(api: Api, lead: Lead) -> None:
    missing = refused(api.post(of(lead), {}))
    assert missing == [("missing", ["body", name]) for name in ("title", "kind", "due_on")]
    assert refused(api.post(f"/api/leads/{lead.pk}/log", {})) == [("missing", ["body", "activity"])]
    assert refused(api.post(of(lead), [])) == [("model_attributes_type", ["body"])]


def test_others_and_nobody(api: Api, lead: Lead) -> None:
    other, gone = make_user(), make_user()
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert api.post(of(lead), row(assignee_id=other.pk, due_time=None)).json()["assignee_id"] == other.pk
    assert refused(api.post(of(lead), row(assignee_id=gone.pk))) == [("value_error", ["body", "assignee_id"])]
    assert api.post(of(lead), row(assignee_id=None)).json()["assignee_id"] is None


def test_change(api: Api, agent: User, lead: Lead, follow_up: FollowUp) -> None:
    path, other = f"{ALL}/{follow_up.pk}", make_user()
    reply = api.patch(path, {"due_on": "2027-01-05", "due_time": "09:00", "id": 9, "done_at": None})
    assert (reply.json()["due_on"], reply.json()["due_time"]) == ("2027-01-05", "09:00")
    assert reply.json() == api.get(path).json()
    assert api.patch(path, {"assignee_id": other.pk}).json()["assignee_id"] == other.pk
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert api.patch(path, {"assignee_id": other.pk, "title": "X"}).json()["title"] == "X"  # it may stay
    entries = api.get(f"/api/leads/{lead.pk}/history").json()
    count, changed = len(entries), Lead.objects.get(pk=lead.pk).change_time
    assert entries[0]["changes"] == [{"field": "title", "old": "Call back", "new": "X"}]
    assert api.patch(path, {"title": "X"}).status_code == 200
    assert len(api.get(f"/api/leads/{lead.pk}/history").json()) == count
    assert Lead.objects.get(pk=lead.pk).change_time == changed
    assert api.delete(path).status_code == 204
    assert api.get(path).json() == {"detail": "Follow-up not found"}
    assert api.get(f"/api/leads/{lead.pk}/history").json()[0]["changes"][-1] == {
        "field": "title",
        "old": "X",
        "new": None,
    }


def test_rights(api_as: Callable[[User], Api], lead: Lead, follow_up: FollowUp) -> None:
    path = f"{ALL}/{follow_up.pk}"
    stranger, assignee, manager = make_user(), make_user(), make_user()
    join(manager, MANAGERS)
    for method, where, right in (
        ("PATCH", path, "change"),
        ("DELETE", path, "delete"),
        ("POST", f"{path}/done", "change"),
    ):
        reply = api_as(stranger).send(method, where, {} if method != "DELETE" else None)
        assert (reply.status_code, f"activities.{right}_activity" in reply.json()["detail"]) == (403, True)
    assert api_as(stranger).get(path).status_code == 200
    assert api_as(manager).patch(path, {"assignee_id": assignee.pk}).status_code == 200
    assert api_as(assignee).post(f"{path}/done").status_code == 200
    assert api_as(manager).delete(path).status_code == 204


def test_done(api: Api, lead: Lead, follow_up: FollowUp) -> None:
    path = f"{ALL}/{follow_up.pk}/done?include=version,next_follow_up,last_activity"
    today = timezone.localdate().isoformat()
    body = {"activity": activity_row(activity_date=today), "status": "contacted", "next": row(title="Visit")}
    reply = api.post(path, body)
    assert reply.status_code == 200, reply.content
    found = reply.json()
    assert list(found) == ["follow_up", "activity", "lead", "next"]
    assert found["follow_up"]["activity_id"] == found["activity"]["id"]
    assert found["follow_up"]["done_at"] > "2026"
    assert (found["lead"]["status"], found["lead"]["activity_count"], found["lead"]["version"]) == ("contacted", 1, 2)
    assert (found["lead"]["next_follow_up"], found["lead"]["last_activity"]) == (found["next"], today)
    assert ids(api.get(of(lead))) == [found["next"]["id"]]
    assert api.get(f"{of(lead)}?done=true").json() == [found["follow_up"]]
    assert ids(api.get(ALL, done="true")) == [follow_up.pk]
    again = api.post(path, body)
    assert (again.status_code, again.json()) == (409, {"detail": "It is done already; nothing was stored"})
    assert (Activity.objects.count(), FollowUp.objects.count()) == (1, 2)
    assert api.delete(f"/api/activities/{found['activity']['id']}").status_code == 204
    assert FollowUp.objects.get(pk=follow_up.pk).activity_id is None


@pytest.mark.parametrize("body", [None, {}, {"activity": None, "status": None, "next": None}])
def test_done_and_nothing_else(api: Api, follow_up: FollowUp, body: Any) -> None:
    reply = api.post(f"{ALL}/{follow_up.pk}/done", body)
    assert (reply.status_code, reply.json()["activity"], reply.json()["next"]) == (200, None, None)
    assert reply.json()["lead"]["status"] == "new"


def test_log(api: Api, lead: Lead) -> None:
    path = f"/api/leads/{lead.pk}/log?include=next_follow_up"
    body = {"activity": activity_row(), "status": " Contacted ", "follow_up": row()}
    tried = api.post(f"{path}&dry_run=true", body)
    assert (tried.status_code, tried["Preference-Applied"], Activity.objects.count()) == (201, "dry-run", 0)
    reply = api.post(path, body)
    assert reply.status_code == 201, reply.content
    found = reply.json()
    assert list(found) == ["activity", "lead", "follow_up"] == list(tried.json())
    assert (tried.json()["activity"]["id"], tried.json()["follow_up"]["id"]) == (None, None)
    assert tried.json()["lead"]["id"] == lead.pk
    assert reply["Location"] == f"/api/activities/{found['activity']['id']}"
    assert found["lead"]["next_follow_up"] == found["follow_up"]
    assert (found["lead"]["status"], found["lead"]["activity_count"]) == ("contacted", 1)
    alone = api.post(path, {"activity": activity_row()}).json()
    assert (alone["follow_up"], alone["lead"]["status"]) == (None, "contacted")


def test_log_is_all_or_nothing(api: Api, lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(querysets, "MAX_FOLLOW_UPS", 1)
    body = {"activity": activity_row(), "status": "lost", "follow_up": row()}
    assert api.post(f"/api/leads/{lead.pk}/log", body).status_code == 201
    full = api.post(f"/api/leads/{lead.pk}/log", {**body, "status": "new"})
    assert (full.status_code, "follow-ups" in full.json()["detail"]) == (409, True)
    assert api.post(of(lead), row()).status_code == 409
    lead.refresh_from_db()
    assert (lead.status, lead.activity_count, Activity.objects.count()) == ("lost", 1, 1)


def test_list(api: Api, agent: User, lead: Lead) -> None:
    other, gone, second = make_user(), make_user(), make_lead()
    made = {
        "late": make_follow_up(lead, agent, days=-1, due_time="10:00"),
        "today": make_follow_up(lead, other, due_time="09:00"),
        "any time": make_follow_up(second, agent),
        "sixth": make_follow_up(second, gone, days=6),
        "seventh": make_follow_up(lead, agent, days=7, assignee_id=None),
    }
    User.objects.filter(pk=gone.pk).update(is_active=False)
    in_order = ["late", "any time", "today", "sixth", "seventh"]

    def found(query: str) -> list[str]:
        names = {follow_up.pk: name for name, follow_up in made.items()}
        return [names[number] for number in ids(api.client.get(f"{ALL}?{query}"))]

    assert found("") == in_order
    assert found("assignee=me") == found(f"assignee={agent.pk}") == ["late", "any time"]
    assert found("assignee=none") == ["sixth", "seventh"]
    assert found(f"assignee=none&assignee={other.pk}") == ["today", "sixth", "seventh"]
    assert found("due=overdue") == ["late"]
    assert found("due=today") == ["any time", "today"]
    assert found("due=week") == ["any time", "today", "sixth"]
    assert found("due=overdue&due=today&assignee=me") == ["late", "any time"]
    assert found(f"lead={second.pk}") == ["any time", "sixth"]
    assert found("page=2&size=2") == in_order[2:4]
    assert found("done=true") == []
    walked, target = [], f"{ALL}?after=&size=2&count=exact"
    while target:
        reply = api.client.get(target)
        walked += ids(reply)
        target = reply.headers.get("Link", "").partition(">")[0].lstrip("<")
    assert walked == [made[name].pk for name in in_order]
    assert reply["X-Total-Count"] == "5"
    Lead.objects.filter(pk=second.pk).update(is_active=False)
    assert found("") == ["late", "today", "seventh"]
    for query in ("assignee=x", "due=none", "done=maybe", "lead=0", "after=x", "after=&page=1", "sort=id"):
        assert api.client.get(f"{ALL}?{query}").status_code == 422, query


def test_leads_by_their_next_follow_up(api: Api, agent: User) -> None:
    leads = {name: make_lead() for name in ("late", "today", "week", "later", "nothing", "done")}
    days = {"late": (-1, 0, 3), "today": (0, 1), "week": (6,), "later": (7,), "done": (-2,)}
    for name, dues in days.items():
        for due in dues:
            make_follow_up(leads[name], agent, days=due)
    FollowUp.objects.filter(lead=leads["done"]).update(done_at=timezone.now())
    make_lead(status="lost")

    def found(when: str) -> set[int]:
        return set(ids(api.get("/api/leads", due=when)))

    expected = {"overdue": ["late"], "today": ["today"], "week": ["today", "week"], "none": ["nothing", "done"]}
    assert {when: found(when) for when in expected} == {
        when: {leads[name].pk for name in names} for when, names in expected.items()
    }


@pytest.mark.parametrize(("zone", "day"), [("America/Chicago", 2), ("UTC", 3), ("Asia/Tokyo", 3)])
def test_a_day_is_one_of_the_office(
    api: Api, agent: User, lead: Lead, settings: Any, monkeypatch: pytest.MonkeyPatch, zone: str, day: int
) -> None:
    settings.TIME_ZONE = zone
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 12, 3, 5, 30, tzinfo=UTC))
    make_follow_up(lead, agent, due_on=date(2026, 12, day))
    assert len(ids(api.get(ALL, due="today"))) == len(ids(api.get("/api/leads", due="today"))) == 1


def test_a_deleted_lead_hides_them(api: Api, lead: Lead, follow_up: FollowUp) -> None:
    Lead.objects.filter(pk=lead.pk).update(is_active=False)
    path = f"{ALL}/{follow_up.pk}"
    for reply in (
        *(
            api.get(of(lead)),
            api.post(of(lead), row()),
            api.post(f"/api/leads/{lead.pk}/log", {"activity": activity_row()}),
        ),
        *(api.get(path), api.patch(path, {"title": "x"}), api.delete(path), api.post(f"{path}/done")),
    ):
        assert reply.status_code == 404
    assert ids(api.get(ALL)) == []


def test_sync_sees_them(api: Api, lead: Lead, follow_up: FollowUp) -> None:
    until = api.get("/api/leads?updated_since=")["X-Synced-Until"]
    assert ids(api.get("/api/leads", updated_since=until)) == []
    api.patch(f"{ALL}/{follow_up.pk}", {"due_on": "2027-01-01"})
    assert ids(api.get("/api/leads", updated_since=until)) == [lead.pk]


def test_merge_moves_them_and_undo_leaves_their_lead(api_as: Callable[[User], Api], agent: User, lead: Lead) -> None:
    manager, other = make_user(), make_lead()
    join(manager, MANAGERS)
    moved = make_follow_up(other, agent)
    assert api_as(manager).post(f"/api/leads/{lead.pk}/merge", {"merge": [other.pk]}).status_code == 200
    assert ids(api_as(manager).get(of(lead))) == [moved.pk]
    FollowUp.objects.filter(pk=moved.pk).update(lead_id=other.pk)
    found = list(find_inconsistencies())
    assert [(one.record, one.column, one.expected) for one in found] == [(f"follow-up {moved.pk}", "lead", lead.pk)]
    repair(found)
    assert (list(find_inconsistencies()), FollowUp.objects.get().lead_id) == ([], lead.pk)
    run = ImportRun.objects.create(file_name="x", sha256="x", state=ImportRun.State.DONE, read=2, created=2)
    Lead.objects.filter(pk__in=[lead.pk, (untouched := make_lead()).pk]).update(import_run=run, version=1)
    report = undo(run.pk, SOMEBODY).undo_report
    assert (report["deleted"], report["why"]) == (1, {str(lead.pk): "follow-ups were planned"})
    assert not Lead.objects.get(pk=untouched.pk).is_active


def test_an_activity_of_another_lead_is_found_and_forgotten(agent: User, follow_up: FollowUp) -> None:
    activity = make_activity(make_lead(), agent)
    FollowUp.objects.filter(pk=follow_up.pk).update(done_at=timezone.now(), activity=activity)
    found = list(find_inconsistencies())
    assert [(one.record, one.column) for one in found] == [(f"follow-up {follow_up.pk}", "activity")]
    repair(found)
    assert FollowUp.objects.get().activity_id is None


def test_erasing_empties_them(api: Api, lead: Lead, follow_up: FollowUp) -> None:
    key = {"Idempotency-Key": "k"}
    body = b'{"activity": {"activity_type": "call", "title": "secret", "activity_date": "2026-01-01"}}'
    api.client.post(f"/api/leads/{lead.pk}/log", body, content_type="application/json", headers=key)
    assert erase("who@example.com", SOMEBODY).counts["follow-ups"] == 1
    assert FollowUp.objects.get().title == "erased"
    again = api.client.post(f"/api/leads/{lead.pk}/log", body, content_type="application/json", headers=key).json()
    assert (again["activity"]["title"], again["lead"]["email"]) == ("erased", "")
    changes = list(lead.changes.filter(kind="follow_up").values_list("changes", flat=True))
    assert "Call back" not in str(changes)


def test_who_leaves_hands_over(agent: User, lead: Lead, follow_up: FollowUp) -> None:
    other = make_user()
    done = make_follow_up(lead, agent)
    FollowUp.objects.filter(pk=done.pk).update(done_at=timezone.now())
    assert FollowUp.objects.hand_over(agent.pk, other.pk, Actor.of(other, Channel.ADMIN)) == 1
    assert FollowUp.objects.get(pk=follow_up.pk).assignee_id == other.pk
    assert FollowUp.objects.get(pk=done.pk).assignee_id == agent.pk
    assert lead.changes.latest("pk").changes["assignee_id"] == [agent.pk, other.pk]
