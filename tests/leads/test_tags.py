"""PUT /api/leads/{lead_id}/tags, POST /api/leads/tags; ``tag`` as a filter, ``include=tags``, the vocabulary."""

import json
from typing import Any

import pytest

from activities.merge import merge
from leads.merge import suggest_merge
from leads.models import Lead, LeadChange
from leads.validators import ERASED
from maintenance.privacy.erase import erase
from maintenance.privacy.export import export
from maintenance.privacy.subject import find_subject
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import SOMEBODY, make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def set_tags(api: Api, lead: Lead, tags: Any, **headers: str) -> Any:
    path = f"/api/leads/{lead.pk}/tags?include=tags,version"
    return api.client.put(path, tags, "application/json", headers=headers)


def find(api: Api, query: str) -> list[int]:
    reply = api.get(f"/api/leads?{query}")
    assert reply.status_code == 200, reply.content
    return sorted(row["id"] for row in reply.json())


def test_it_works(api: Api, agent: User) -> None:
    lead = make_lead()
    row = set_tags(api, lead, ["VIP", " cash  buyer ", "vip"]).json()
    assert (row["tags"], row["version"], row["updated_at"] > row["created_at"]) == (["VIP", "cash buyer"], 2, True)
    assert "tags" not in api.get(f"/api/leads/{lead.pk}").json()
    assert set_tags(api, lead, ["VIP", "cash buyer"]).json()["version"] == 2
    assert set_tags(api, lead, ["vip"], **{"If-Match": '"1"'}).status_code == 412
    assert set_tags(api, lead, []).json()["tags"] == []
    history = LeadChange.objects.of_lead(lead.pk).values_list("changes", flat=True)
    assert list(history) == [{"tags": ["VIP, cash buyer", ""]}, {"tags": ["", "VIP, cash buyer"]}]


def test_bad_tags(api: Api, case: Case) -> None:
    for tags, where in [
        ({}, ["body"]),
        ('"vip"', ["body"]),
        ("null", ["body"]),
        ("7", ["body"]),
        (["x", ""], ["body", 1]),
        ([5], ["body", 0]),
        (["a,b"], ["body", 0]),
        (["a；b"], ["body", 0]),
        (["x" * 51], ["body", 0]),
        ([f"tag {number}" for number in range(51)], ["body"]),
        (["\0"], ["body", 0]),
    ]:
        with case(tags, where):
            lead = make_lead()
            assert [loc for _, loc in refused(set_tags(api, lead, tags))] == [where]
            assert not LeadChange.objects.exists()


def test_filters(api: Api) -> None:
    first, second, none = make_lead(), make_lead(), make_lead()
    set_tags(api, first, ["VIP", "Straße", "50%"])
    set_tags(api, second, ["vip", "a_b", "vipers"])
    assert find(api, "tag=vIp") == [first.pk, second.pk]
    assert find(api, "tag=vip&tag=STRASSE") == [first.pk]
    assert find(api, "tag=50%25") == [first.pk]
    assert [find(api, f"tag={tag}") for tag in ("vi", "axb", "vip,a_b", "%25", "none")] == [[]] * 5
    assert find(api, "tag=") == [first.pk, second.pk, none.pk]
    Lead.objects.filter(pk=first.pk).update(is_active=False)
    assert find(api, "tag=vip") == [second.pk]
    assert find(api, "tag=vip&deleted=include&sort=name") == [first.pk, second.pk]


def test_tags_of_many(api: Api) -> None:
    leads = [make_lead(status="new") for _ in range(3)]
    set_tags(api, leads[0], ["VIP", "old"])
    reply = api.post("/api/leads/tags", {"ids": [lead.pk for lead in leads], "add": ["vip", "hot"], "remove": ["OLD"]})
    assert (reply.status_code, reply.json()) == (200, {"changed": 3})
    rows = api.get("/api/leads", include="tags,version", sort="id").json()
    assert [(row["tags"], row["version"]) for row in rows] == [
        (["VIP", "hot"], 3),
        (["vip", "hot"], 2),
        (["vip", "hot"], 2),
    ]
    again = {"filter": {"tag": ["vip", "hot"], "status": "new"}, "expected": 3, "add": ["Vip"]}
    assert api.post("/api/leads/tags", again).json() == {"changed": 0}
    assert api.post("/api/leads/tags", {**again, "expected": 2}).status_code == 409
    assert api.post("/api/leads/tags", {"ids": [10**9], "add": ["x"]}).status_code == 404
    assert refused(api.post("/api/leads/tags", {"ids": [leads[0].pk], "add": "x"})) == [("list_type", ["body", "add"])]
    many = {"ids": [leads[0].pk], "add": [f"tag {number}" for number in range(49)]}
    assert refused(api.post("/api/leads/tags", many)) == [("value_error", ["body", "add"])]
    assert LeadChange.objects.count() == 4


def test_the_vocabulary_has_each_tag_once(api: Api) -> None:
    for tags in (["VIP", "hot"], ["VIP"], ["vip", "Hot"]):
        set_tags(api, make_lead(), tags)
    set_tags(api, make_lead(is_active=True), [])
    assert api.get("/api/leads/vocabulary").json()["tags"] == [
        {"value": "Hot", "count": 2},
        {"value": "VIP", "count": 3},
    ]


def test_a_merged_lead_has_the_tags_of_all(api: Api) -> None:
    leads = [make_lead() for _ in range(3)]
    for lead, tags in zip(leads, (["VIP"], [], ["hot", "vip"]), strict=True):
        set_tags(api, lead, tags)
    survivor = merge(suggest_merge(Lead.objects.all()), SOMEBODY)
    assert (survivor.tags, find(api, "tag=hot")) == ("VIP, hot", [survivor.pk])


def test_erasure_empties_tags_everywhere(api: Api, agent: User) -> None:
    lead = make_lead(email="ann@example.com", owner_id=agent.pk)
    set_tags(api, lead, ["VIP", "ill"])
    body = {"ids": [lead.pk], "add": ["hot"]}
    api.client.post("/api/leads/tags", body, "application/json", headers={"Idempotency-Key": "once"})
    (found,) = json.loads("".join(export(find_subject("ann@example.com"))))["leads"]
    assert (found["tags"], found["owner_id"]) == ("VIP, ill, hot", agent.pk)
    erase("ann@example.com", SOMEBODY)
    lead.refresh_from_db()
    assert (lead.tags, lead.tag_keys, lead.owner_id) == ("", "", agent.pk)
    entries = LeadChange.objects.of_lead(lead.pk).values_list("changes", flat=True)
    assert {word for changes in entries for word in changes.get("tags", ())} == {"", ERASED}
