"""PATCH and DELETE /api/leads, POST /api/leads/delete and /api/leads/{lead_id}/restore; ``dry_run``."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities.models import Activity
from leads.merge import Plan
from leads.models import Lead, LeadChange
from leads.validators import ERASED
from maintenance.privacy.erase import erase
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import SOMEBODY, activity_row, lead_row, make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

UNKNOWN = 999_999_999


def queries(call: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_many_leads_are_updated(api: Api) -> None:
    leads = [make_lead(budget_min=5) for _ in range(4)]
    changes: list[dict[str, Any]] = [
        {"id": leads[2].pk, "status": "Closed", "version": 1},
        {"id": str(leads[0].pk), "phone": " 1 ", "activity_count": 9, "created_at": "x"},
        {"id": leads[3].pk, "status": "new"},
        {"id": leads[1].pk, "is_active": False},
    ]
    reply = api.send("PATCH", "/api/leads?include=version", changes)
    assert reply.status_code == 200, reply.content
    rows = reply.json()
    assert [row["id"] for row in rows] == [leads[place].pk for place in (2, 0, 3, 1)]
    assert [(row["status"], row["phone"], row["version"]) for row in rows[:2]] == [
        ("closed", leads[2].phone, 2),
        ("new", "1", 2),
    ]
    assert (rows[2]["version"], rows[2]["updated_at"], rows[3]["is_active"]) == (1, rows[2]["created_at"], False)
    assert api.get(f"/api/leads/{leads[2].pk}", include="version").json() == rows[0]
    stored = Lead.objects.in_bulk()
    assert stored[leads[2].pk].closed_at is not None
    assert stored[leads[0].pk].search.endswith("1")
    entries = LeadChange.objects.order_by("lead_id").values_list("lead_id", "kind", "changes")
    assert list(entries) == [
        (leads[0].pk, "changed", {"phone": [leads[0].phone, "1"]}),
        (leads[1].pk, "deleted", {"is_active": [True, False]}),
        (leads[2].pk, "changed", {"status": ["new", "closed"]}),
    ]


def test_bad_bodies_of_a_bulk_update(api: Api, case: Case) -> None:
    for body, problems in [
        ({"id": 1}, [("list_type", ["body"])]),
        ([3], [("model_attributes_type", ["body", 0])]),
        ([{"phone": "1"}], [("missing", ["body", 0, "id"])]),
        ([{"id": 1}, {"id": 2, "email": "x"}], [("value_error", ["body", 1, "email"])]),
        ([{"id": 1}, {"id": 1}], [("value_error", ["body", 1, "id"])]),
        ([{"id": 1, "colour": "red"}], [("extra_forbidden", ["body", 0, "colour"])]),
        ([{"id": True, "version": "x"}], [("int_type", ["body", 0, "id"]), ("int_parsing", ["body", 0, "version"])]),
    ]:
        with case(body, problems):
            assert refused(api.patch("/api/leads", body)) == problems


def test_a_bulk_update_is_whole_or_nothing(api: Api) -> None:
    one, other = make_lead(budget_min=5), make_lead()
    deleted = make_lead(is_active=False)
    change = {"id": one.pk, "phone": "1"}
    assert api.patch("/api/leads", []).status_code == 400
    assert api.patch("/api/leads", [change] * 1001).status_code == 413
    assert refused(api.send("PATCH", "/api/leads?colour=red", [change])) == [("extra_forbidden", ["query", "colour"])]
    gone = api.patch("/api/leads", [{"id": UNKNOWN}, change, {"id": deleted.pk}])
    assert (gone.status_code, gone.json()["ids"]) == (404, [UNKNOWN, deleted.pk])
    moved = api.patch("/api/leads", [change, {"id": other.pk, "version": 2, "phone": "1"}])
    assert (moved.status_code, moved.json()["indexes"]) == (409, [1])
    crossed = api.patch("/api/leads", [{"id": other.pk, "phone": "1"}, {"id": one.pk, "budget_max": 4}])
    assert refused(crossed) == [("value_error", ["body", 1, "budget_max"])]
    assert not LeadChange.objects.exists()
    assert set(Lead.objects.values_list("version", flat=True)) == {1}


def test_the_queries_of_a_bulk_update_do_not_grow(api: Api) -> None:
    leads = [make_lead() for _ in range(30)]
    api.patch("/api/leads", [{"id": leads[0].pk, "phone": "1"}])
    bodies = [[{"id": lead.pk, "phone": phone} for lead in some] for phone, some in (("2", leads[:1]), ("3", leads))]
    one, many = (queries(partial(api.patch, "/api/leads", body)) for body in bodies)
    assert one == many


def test_many_leads_are_deleted(api: Api) -> None:
    leads = [make_lead() for _ in range(5)]
    ids = [lead.pk for lead in leads]
    assert api.send("DELETE", f"/api/leads?id={ids[0]},{ids[1]}&id={ids[1]}").status_code == 204
    assert api.post("/api/leads/delete", {"ids": [ids[2]]}).status_code == 204
    assert list(Lead.objects.active().values_list("pk", flat=True).order_by("pk")) == ids[3:]
    assert set(LeadChange.objects.values_list("kind", flat=True)) == {"deleted"}
    for reply in (api.send("DELETE", f"/api/leads?id={ids[3]},{ids[0]}"), api.post("/api/leads/delete", {"ids": ids})):
        assert reply.status_code == 404
        assert reply.json()["ids"] in ([ids[0]], ids[:3])
    assert Lead.objects.active().count() == 2


def test_leads_that_a_filter_finds_are_deleted(api: Api) -> None:
    keep, *lost = [make_lead(status=status) for status in ("new", "lost", "closed")]
    body = {"filter": {"status": ["LOST", "closed"]}, "expected": 3}
    reply = api.post("/api/leads/delete", body)
    assert (reply.status_code, Lead.objects.active().count()) == (409, 3)
    assert api.post("/api/leads/delete", {**body, "expected": len(lost)}).status_code == 204
    assert list(Lead.objects.active()) == [keep]
    assert (
        api.post("/api/leads/delete", {"filter": {"open": True, "created_by": "me"}, "expected": 0}).status_code == 204
    )


def test_bad_choices_of_leads(api: Api, case: Case) -> None:
    for body, problems in [
        ({}, [("missing", ["body", "ids"])]),
        ({"ids": []}, [("too_short", ["body", "ids"])]),
        ({"ids": "1"}, [("list_type", ["body", "ids"])]),
        ({"ids": ["x"]}, [("int_parsing", ["body", "ids"])]),
        ({"ids": [1], "filter": {"status": "new"}, "expected": 1}, [("value_error", ["body", "filter"])]),
        ({"filter": {"status": "new"}}, [("missing", ["body", "expected"])]),
        ({"expected": 1}, [("missing", ["body", "filter"])]),
        ({"filter": {}, "expected": 1}, [("value_error", ["body", "filter"])]),
        ({"filter": {"status": "all", "q": ""}, "expected": 1}, [("value_error", ["body", "filter"])]),
        ({"filter": {"updated_since": "", "deleted": "include"}, "expected": 1}, [("value_error", ["body", "filter"])]),
        ({"filter": {"min_budget": "x"}, "expected": 1}, [("int_parsing", ["body", "filter", "min_budget"])]),
        *(
            ({"filter": {"status": "new", name: 1}, "expected": 1}, [("extra_forbidden", ["body", "filter", name])])
            for name in ("page", "size", "after", "sort", "count", "include", "colour")
        ),
        ({"ids": [1], "all": True}, [("extra_forbidden", ["body", "all"])]),
    ]:
        with case(body, problems):
            assert refused(api.post("/api/leads/delete", body)) == problems


def test_limits_and_bad_ids_of_a_bulk_delete(api: Api) -> None:
    lead = make_lead()
    many = list(range(1, 1002))
    assert api.post("/api/leads/delete", {"ids": many}).status_code == 413
    assert api.send("DELETE", f"/api/leads?id={','.join(map(str, many))}").status_code == 413
    for query in ("", "?id=", "?id=,"):
        assert refused(api.send("DELETE", f"/api/leads{query}")) == [("missing", ["query", "id"])]
    assert refused(api.send("DELETE", "/api/leads?id=x")) == [("int_parsing", ["query", "id"])]
    assert refused(api.send("DELETE", f"/api/leads?id={lead.pk}&status=new")) == [
        ("extra_forbidden", ["query", "status"])
    ]
    assert Lead.objects.active().count() == 1


def test_a_lead_is_restored(api: Api) -> None:
    lead = make_lead()
    path = f"/api/leads/{lead.pk}"
    api.delete(path)
    reply = api.post(f"{path}/restore")
    assert (reply.status_code, reply.json()) == (200, api.get(path).json())
    assert reply["ETag"] == api.get(path)["ETag"] == '"3-0"'
    assert [entry["kind"] for entry in api.get(f"{path}/history").json()][:2] == ["restored", "deleted"]
    assert api.post(f"{path}/restore").json() == reply.json(), "one that is not deleted stays as it is"
    assert LeadChange.objects.count() == 2
    assert api.post(f"/api/leads/{UNKNOWN}/restore").status_code == 404


def test_merged_and_erased_leads_are_not_restored(api: Api) -> None:
    from activities.merge import merge

    survivor, merged, erased = make_lead(), make_lead(), make_lead(email="gone@example.com")
    merge(Plan(survivor.pk, (merged.pk,), {}, {survivor.pk: 1, merged.pk: 1}), SOMEBODY)
    erase("gone@example.com", SOMEBODY)
    for lead in (merged, erased):
        assert api.post(f"/api/leads/{lead.pk}/restore").status_code == 409
        assert not Lead.objects.get(pk=lead.pk).is_active
    assert ERASED in str(LeadChange.objects.filter(lead_id=erased.pk).values_list("changes", flat=True))


def test_a_dry_run_stores_nothing(api: Api, agent: User) -> None:
    lead = make_lead()
    make_activity(lead, agent)
    path = f"/api/leads/{lead.pk}"
    before = api.get(path).json()
    calls: list[tuple[str, str, Any, int]] = [
        ("POST", "/api/leads", lead_row(), 201),
        ("POST", "/api/leads", [lead_row(), lead_row()], 201),
        ("PUT", path, {"phone": "1"}, 200),
        ("PATCH", path, {"phone": "1"}, 200),
        ("DELETE", path, None, 204),
        ("POST", f"{path}/activities", activity_row(), 201),
        ("POST", f"{path}/activities", [activity_row()], 201),
        ("PATCH", "/api/leads", [{"id": lead.pk, "phone": "1"}], 200),
        ("POST", "/api/leads/delete", {"ids": [lead.pk]}, 204),
    ]
    for method, target, body, status in calls:
        reply = api.send(method, f"{target}?dry_run=true", body)
        assert (reply.status_code, reply["Preference-Applied"]) == (status, "dry-run"), reply.content
        if status == 201:
            rows = reply.json() if isinstance(body, list) else [reply.json()]
            assert [row["id"] for row in rows] == [None] * len(rows)
            assert "Location" not in reply
        elif status == 200:
            assert (
                "1" in reply.json().get("phone", "")
                if isinstance(reply.json(), dict)
                else reply.json()[0]["phone"] == "1"
            )
    deleted = api.send("DELETE", f"/api/leads?id={lead.pk}&dry_run=true")
    assert deleted.status_code == 204
    assert (Lead.objects.count(), Activity.objects.count(), api.get(path).json()) == (1, 1, before)
    assert refused(api.send("POST", "/api/leads?dry_run=maybe", lead_row())) == [("bool_parsing", ["query", "dry_run"])]
    assert "Preference-Applied" not in api.send("POST", "/api/leads?dry_run=false", lead_row())
