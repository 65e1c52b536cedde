"""GET duplicates, POST /api/leads?on_duplicate=…, POST /api/leads/{lead_id}/merge."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from leads.models import Lead
from tests.assertions import refused
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import lead_row, make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db

ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "phone": "+1-555-0100"}


@pytest.fixture
def merger(api_as: Callable[[User], Api]) -> Api:
    user = make_user()
    user.user_permissions.add(Permission.objects.get(codename="merge_leads"))
    return api_as(user)


def test_duplicates_of_a_lead(api: Api) -> None:
    lead = make_lead(**ADA)
    both = make_lead(**{**ADA, "phone": "(555) 0100", "email": "ADA@example.com"})
    by_phone = make_lead(**{**ADA, "email": ""})
    make_lead(**{**ADA, "first_name": "Grace", "phone": "1"})  # another person with that address
    gone = make_lead(**ADA)
    Lead.objects.filter(pk=gone.pk).update(is_active=False)
    found = api.get(f"/api/leads/{lead.pk}/duplicates", include="version").json()
    assert [(row["lead"]["id"], row["match"]) for row in found][-1] == (by_phone.pk, ["phone", "name"])
    assert both.pk in [row["lead"]["id"] for row in found]
    assert found[0]["lead"] == api.get(f"/api/leads/{both.pk}", include="version").json()
    assert api.get("/api/leads/999999999/duplicates").status_code == 404


def test_duplicates_of_values(api: Api) -> None:
    lead = make_lead(**ADA)
    for query, match in (
        ({"email": "ADA@example.com"}, ["email"]),
        ({"email": "ada@example.com", "first_name": "Grace", "last_name": "Hopper"}, None),
        ({"phone": "+1 555 0100", "first_name": "ada", "last_name": "LOVELACE"}, ["phone", "name"]),
        ({"phone": "+1 555 0100"}, None),
        (ADA, ["email", "phone", "name"]),
        ({}, None),
    ):
        found = [(row["lead"]["id"], row["match"]) for row in api.get("/api/leads/duplicates", **query).json()]
        assert found == ([(lead.pk, match)] if match else []), query
    assert refused(api.get("/api/leads/duplicates?email=x")) == [("value_error", ["query", "email"])]
    assert refused(api.get("/api/leads/duplicates?mail=x")) == [("extra_forbidden", ["query", "mail"])]


def test_refuse(api: Api) -> None:
    path = "/api/leads?on_duplicate=refuse"
    reply = api.post(path, ADA)
    assert reply.status_code == 201
    refusal = api.post(path, ADA)
    assert refusal.status_code == 409
    assert refusal.json()["duplicates"] == [{"id": reply.json()["id"], "match": ["email", "phone", "name"]}]
    twice = lead_row()
    many = api.post(path, [lead_row(), twice, {**ADA, "phone": ""}, {**twice, "phone": ""}])
    assert (many.status_code, many.json()["duplicates"]) == (
        409,
        [
            {"index": 2, "id": reply.json()["id"], "match": ["email"]},
            {"index": 3, "of_index": 1, "match": ["email"]},
        ],
    )
    assert Lead.objects.count() == 1
    assert api.post(path, [lead_row(), lead_row()]).status_code == 201
    assert api.post("/api/leads", ADA).status_code == 201


def test_skip(api: Api) -> None:
    path = "/api/leads?on_duplicate=skip&include=version"
    stored = api.post(path, ADA)
    again = api.post(path, {**ADA, "status": "lost"})
    assert (again.status_code, again.json(), again["ETag"]) == (200, stored.json(), stored["ETag"])
    assert refused(api.post(path, [ADA])) == [("value_error", ["query", "on_duplicate"])]
    assert refused(api.post("/api/leads?on_duplicate=merge", ADA)) == [("literal_error", ["query", "on_duplicate"])]
    assert Lead.objects.count() == 1


@pytest.mark.slow
def test_two_at_once_are_one(concurrent_db: None, api_as: Callable[[User], Api]) -> None:
    user = make_user()
    statuses = together(*[lambda: api_as(user).post("/api/leads?on_duplicate=refuse", ADA).status_code] * 4)
    assert sorted(statuses) == [201, 409, 409, 409]


def test_merge(merger: Api, agent: User) -> None:
    survivor, other, third = make_lead(phone=""), make_lead(phone="12345"), make_lead(status="closed")
    make_activity(other, agent)
    path = f"/api/leads/{survivor.pk}"
    reply = merger.post(f"{path}/merge?include=version", {"merge": [other.pk, third.pk], "take": {"phone": other.pk}})
    assert reply.status_code == 200, reply.content
    assert reply.json() == merger.get(path, include="version").json()
    row = reply.json()
    assert (row["phone"], row["email"], row["activity_count"], row["version"]) == ("12345", survivor.email, 1, 2)
    assert set(Lead.objects.deleted().values_list("merged_into", flat=True)) == {survivor.pk}
    assert merger.get(f"{path}/history").json()[0]["kind"] in ("merged", "activity")


def test_merges_that_cannot_be(merger: Api, api: Api) -> None:
    one, other = make_lead(), make_lead(budget_max=5)
    low = make_lead(budget_min=9)
    path = f"/api/leads/{one.pk}/merge"
    bodies: list[tuple[Any, list[Any]]] = [
        ({}, [("missing", ["body", "merge"])]),
        ({"merge": []}, [("too_short", ["body", "merge"])]),
        ({"merge": list(range(1, 21))}, [("too_long", ["body", "merge"])]),
        ({"merge": [one.pk]}, [("value_error", ["body", "merge"])]),
        ({"merge": [other.pk], "take": {"phone": low.pk}}, [("value_error", ["body", "take", "phone"])]),
        ({"merge": [other.pk], "take": {"id": other.pk}}, [("extra_forbidden", ["body", "take", "id"])]),
        ({"merge": [other.pk], "id": 1}, [("extra_forbidden", ["body", "id"])]),
    ]
    for body, problems in bodies:
        assert refused(merger.post(path, body)) == problems
    missing = merger.post(path, {"merge": [other.pk, 999_999_999]})
    assert (missing.status_code, missing.json()["ids"]) == (404, [999_999_999])
    crossed = {"merge": [other.pk, low.pk], "take": {"budget_max": other.pk, "budget_min": low.pk}}
    assert merger.post(path, crossed).status_code == 409
    denied = api.post(path, {"merge": [other.pk]})
    assert (denied.status_code, "leads.merge_leads" in denied.json()["detail"]) == (403, True)
    body = f'{{"merge": [{other.pk}]}}'
    stale = merger.client.post(path, body, content_type="application/json", headers={"If-Match": '"9"'})
    assert (stale.status_code, Lead.objects.active().count()) == (412, 3)
