"""PUT /api/leads/{lead_id}/owner, POST /api/leads/assign; ``owner`` as a filter and in ``include``."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from leads.models import Lead, LeadChange
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


def set_owner(api: Api, lead: Lead, user_id: Any, **headers: str) -> Any:
    return api.client.put(
        f"/api/leads/{lead.pk}/owner?include=owner,version", {"user_id": user_id}, "application/json", headers=headers
    )


def test_it_works(api: Api, agent: User) -> None:
    lead, other = make_lead(), make_user(first_name="", last_name="")
    reply = set_owner(api, lead, agent.pk)
    assert reply.status_code == 200, reply.content
    assert reply.json()["owner"] == {"id": agent.pk, "name": agent.name}
    assert (reply.json()["version"], reply.json()["updated_at"] > reply.json()["created_at"]) == (2, True)
    assert set_owner(api, lead, str(other.pk)).json()["owner"] == {"id": other.pk, "name": other.username}
    assert set_owner(api, lead, None, **{"If-Match": '"3"'}).json()["owner"] is None
    history = LeadChange.objects.of_lead(lead.pk).values_list("kind", "changes", "user_id")
    assert list(history) == [
        ("changed", {"owner_id": [other.pk, None]}, agent.pk),
        ("changed", {"owner_id": [agent.pk, other.pk]}, agent.pk),
        ("changed", {"owner_id": [None, agent.pk]}, agent.pk),
    ]


def test_no_contract_reply_shows_it(api: Api, agent: User) -> None:
    lead = make_lead()
    set_owner(api, lead, agent.pk)
    assert not {"owner", "owner_id"} & api.get(f"/api/leads/{lead.pk}").json().keys()
    assert api.put(f"/api/leads/{lead.pk}", {"owner_id": None, "owner": None, "phone": "1"}).status_code == 200
    assert Lead.objects.get(pk=lead.pk).owner_id == agent.pk


def test_the_same_owner_changes_nothing(api: Api, agent: User) -> None:
    lead = make_lead()
    first = set_owner(api, lead, agent.pk)
    again = set_owner(api, lead, agent.pk)
    assert (again.json(), again.headers["ETag"]) == (first.json(), first.headers["ETag"])
    assert LeadChange.objects.count() == 1


def test_bad_owners(api: Api, case: Case) -> None:
    for body, loc in [
        ({}, ["body", "user_id"]),
        ({"user_id": "x"}, ["body", "user_id"]),
        ({"user_id": 999_999_999}, ["body", "user_id"]),
        ({"user_id": 0}, ["body", "user_id"]),
        ({"user_id": None, "name": "x"}, ["body", "name"]),
        ([], ["body"]),
    ]:
        with case(body, loc):
            reply = api.put(f"/api/leads/{make_lead().pk}/owner", body)
            assert loc in [where for _, where in refused(reply)]


def test_who_may_not_own(api: Api, agent: User) -> None:
    lead, gone = make_lead(), make_user(is_active=False)
    assert refused(set_owner(api, lead, gone.pk)) == [("value_error", ["body", "user_id"])]
    assert set_owner(api, lead, agent.pk, **{"If-Match": '"7"'}).status_code == 412
    assert api.put("/api/leads/999999999/owner", {"user_id": None}).status_code == 404
    assert not LeadChange.objects.exists()


def test_the_list_knows_it(api: Api, agent: User) -> None:
    other = make_user()
    mine, theirs, nobodys = make_lead(), make_lead(), make_lead()
    set_owner(api, mine, agent.pk)
    set_owner(api, theirs, other.pk)
    for query, lead in (("me", mine), (str(other.pk), theirs), ("none", nobodys)):
        with CaptureQueriesContext(connection) as queries:
            rows = api.get("/api/leads", owner=query, include="owner").json()
        assert [row["id"] for row in rows] == [lead.pk]
        assert len(queries) == 2  # the token, the page
    assert [row["owner"] for row in api.get("/api/leads", include="owner").json()] == [
        None,
        {"id": other.pk, "name": other.name},
        {"id": agent.pk, "name": agent.name},
    ]


def assign(api: Api, **body: Any) -> Any:
    return api.post("/api/leads/assign", body)


def owners(*leads: Lead) -> list[int | None]:
    stored = Lead.objects.in_bulk([lead.pk for lead in leads])
    return [stored[lead.pk].owner_id for lead in leads]


def test_leads_go_to_whoever_has_the_fewest_open_ones(api: Api, agent: User) -> None:
    busy, free = make_user(), make_user()
    for status in ("new", "new", "closed"):
        set_owner(api, make_lead(status=status), busy.pk)
    set_owner(api, make_lead(status="lost"), free.pk)
    leads = [make_lead() for _ in range(5)]
    reply = assign(api, ids=[lead.pk for lead in leads], user_ids=[busy.pk, free.pk])
    assert reply.status_code == 200, reply.content
    assert reply.json() == {
        "assigned": 5,
        "by_user": [{"user_id": busy.pk, "count": 2}, {"user_id": free.pk, "count": 3}],
    }
    assert owners(*leads) == [free.pk, free.pk, busy.pk, free.pk, busy.pk]
    entries = LeadChange.objects.filter(lead__in=leads).order_by("lead_id")
    assert [entry.changes for entry in entries] == [{"owner_id": [None, owner]} for owner in owners(*leads)]
    assert set(Lead.objects.filter(pk__in=[lead.pk for lead in leads]).values_list("version", flat=True)) == {2}


def test_leads_that_change_hands_count_no_more(api: Api, agent: User) -> None:
    """All of them are the agent's; half go to the other, and the agent's own stay unchanged."""
    other = make_user()
    leads = [make_lead() for _ in range(4)]
    for lead in leads:
        set_owner(api, lead, agent.pk)
    body = {"filter": {"owner": "me"}, "expected": 4, "user_ids": [other.pk, agent.pk]}
    assert assign(api, **body).json()["by_user"] == [
        {"user_id": other.pk, "count": 2},
        {"user_id": agent.pk, "count": 2},
    ]
    assert owners(*leads) == [other.pk, other.pk, agent.pk, agent.pk]
    assert set(Lead.objects.filter(owner=agent).values_list("version", flat=True)) == {2}


def test_as_many_queries_for_many_as_for_one(api: Api, agent: User) -> None:
    counts = []
    for number in (1, 30):
        leads = [make_lead() for _ in range(number)]
        with CaptureQueriesContext(connection) as queries:
            assert assign(api, ids=[lead.pk for lead in leads], user_ids=[agent.pk]).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_nothing_is_assigned(api: Api, agent: User, case: Case) -> None:
    for body, status in [
        ({"user_ids": []}, 422),
        ({"user_ids": [999_999_999]}, 422),
        ({"user_ids": "x"}, 422),
        ({}, 422),
        ({"ids": [999_999_999]}, 404),
        ({"ids": list(range(1, 1002))}, 413),
        ({"ids": None, "filter": {"status": "new"}, "expected": 2}, 409),
        ({"ids": None, "filter": {}, "expected": 2}, 422),
        ({"ids": None, "filter": {"size": 1}, "expected": 2}, 422),
        ({"other": 1}, 422),
    ]:
        with case(body, status):
            lead = make_lead()
            whole = {"ids": [lead.pk], **({"user_ids": [agent.pk]} if body else {}), **body}
            reply = assign(api, **{name: value for name, value in whole.items() if value is not None})
            assert reply.status_code == status, reply.content
            assert owners(lead) == [None]


def test_dry_runs_store_nothing(api: Api, agent: User) -> None:
    lead = make_lead()
    reply = api.put(f"/api/leads/{lead.pk}/owner?include=owner&dry_run=true", {"user_id": agent.pk})
    assert (reply.json()["owner"]["id"], reply.headers["Preference-Applied"]) == (agent.pk, "dry-run")
    reply = api.post("/api/leads/assign?dry_run=true", {"ids": [lead.pk], "user_ids": [agent.pk]})
    assert reply.json()["assigned"] == 1
    assert owners(lead) == [None]
