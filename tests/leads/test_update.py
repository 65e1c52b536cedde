"""PUT and PATCH /api/leads/{lead_id}: both write only what is sent."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from leads.models import Lead, LeadChange
from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BIGGEST = 2**63 - 1
TEXTS = ("first_name", "last_name", "email", "phone", "status", "source", "property_interest")


def old_lead(**fields: Any) -> Lead:
    return make_lead(created_at=LONG_AGO, updated_at=LONG_AGO, **fields)


def change(api: Api, lead: Lead, **fields: Any) -> dict[str, Any]:
    reply = api.put(f"/api/leads/{lead.pk}", fields)
    assert reply.status_code == 200, reply.content
    return reply.json()


def problems(api: Api, lead: Lead, **fields: Any) -> list[tuple[str, list[Any]]]:
    found = refused(api.put(f"/api/leads/{lead.pk}", fields))
    assert Lead.objects.get(pk=lead.pk).version == lead.version
    return found


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_it_works(api: Api, method: str) -> None:
    lead = old_lead(first_name="John", budget_min=5, property_interest="flat")
    before = timezone.now()
    sent = {"first_name": " Jon ", "status": "Qualified", "source": "Referral", "budget_max": "9", "email": "j@b.co"}
    reply = api.send(method, f"/api/leads/{lead.pk}", sent)
    assert reply.status_code == 200
    out = reply.json()
    written = {**sent, "first_name": "Jon", "status": "qualified", "budget_max": 9}
    assert {name: out[name] for name in sent} == written
    assert (out["last_name"], out["budget_min"], out["property_interest"]) == (lead.last_name, 5, "flat")
    assert out["created_at"] == "2020-01-01T00:00:00.000000"
    lead.refresh_from_db()
    assert {name: getattr(lead, name) for name in sent} == written
    assert before <= lead.updated_at <= timezone.now()
    assert out["updated_at"] == lead.updated_at.replace(tzinfo=None).isoformat(timespec="microseconds")
    assert api.get(f"/api/leads/{lead.pk}").json() == out


def test_a_single_field(api: Api, case: Case) -> None:
    for field, value in [
        ("first_name", "New"),
        ("last_name", ""),
        ("email", ""),
        ("phone", "1"),
        ("status", "lost"),
        ("source", "fair"),
        ("budget_min", 1),
        ("budget_max", BIGGEST),
        ("property_interest", "castle"),
        ("property_interest", None),
        ("budget_min", None),
    ]:
        with case(field, value):
            lead = old_lead(budget_min=2, budget_max=3, property_interest="flat")
            before = api.get(f"/api/leads/{lead.pk}").json()
            out = change(api, lead, **{field: value})
            assert {**out, "updated_at": ""} == {**before, field: value, "updated_at": ""}
            assert getattr(Lead.objects.get(), field) == value


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_of_nothing_stores_nothing(api: Api, method: str) -> None:
    lead = old_lead()
    path = f"/api/leads/{lead.pk}"
    before = api.get(path)
    for body in ({}, {"first_name": f" {lead.first_name} "}, before.json()):
        reply = api.send(method, path, body)
        assert (reply.status_code, reply.json(), reply["ETag"]) == (200, before.json(), before["ETag"])
    assert Lead.objects.get().version == lead.version
    assert not LeadChange.objects.exists()


def test_a_refused_change_moves_nothing(api: Api) -> None:
    lead = old_lead()
    assert problems(api, lead, first_name="New", email="x") == [("value_error", ["body", "email"])]
    stored = Lead.objects.get()
    assert (stored.first_name, stored.updated_at, stored.version) == (lead.first_name, LONG_AGO, 1)


def test_activities_move_only_the_count(api: Api, agent: User) -> None:
    lead = old_lead()
    make_activity(lead, agent)
    stored = Lead.objects.get()
    assert (stored.activity_count, stored.updated_at, stored.version) == (1, LONG_AGO, 1)
    assert change(api, lead, first_name="New")["activity_count"] == 1


def test_the_stored_budgets_count(api: Api) -> None:
    lead = old_lead(budget_min=100, budget_max=200)
    crossed = [("value_error", ["body", "budget_max"])]
    assert problems(api, lead, budget_min=201) == crossed
    assert problems(api, lead, budget_max=99) == crossed
    assert problems(api, lead, budget_min=3, budget_max=2) == crossed
    assert change(api, lead, budget_min=200)["budget_min"] == 200
    assert change(api, lead, budget_min=300, budget_max=400)["budget_max"] == 400
    assert change(api, lead, budget_max=None)["budget_max"] is None
    assert change(api, lead, budget_min=BIGGEST)["budget_min"] == BIGGEST
    assert change(api, lead, budget_min=None, budget_max=0)["budget_max"] == 0


def test_search_follows_the_change(api: Api) -> None:
    lead = old_lead(first_name="Ada", last_name="Byron", email="ada@example.com", phone="+1-555-0100")
    change(api, lead, last_name="Lovelace")
    change(api, lead, phone="(020) 7946", email="a.l@example.org")
    assert len(api.get("/api/leads", q="ADA lovelace a.l@example.org 0207946").json()) == 1
    for gone in ("byron", "ada@example.com", "5550100"):
        assert api.get("/api/leads", q=gone).json() == []


def test_derived_columns_are_those_of_a_new_lead(api: Api) -> None:
    derived = ("search", "source_key", "email_key", "person_key")
    values = {
        "first_name": "ÉMILE",
        "last_name": "Strauß",
        "email": "Émile@Example.com",
        "phone": "+49 (30) 1",
        "source": "Fair",
    }
    lead, fresh = old_lead(), make_lead(**values)
    for field, value in values.items():
        change(api, lead, **{field: value})
    one, other = (Lead.objects.values_list(*derived).get(pk=pk) for pk in (lead.pk, fresh.pk))
    assert one == other
    assert len(api.get("/api/leads", source="FAIR").json()) == 2


def closed_at(lead: Lead) -> datetime | None:
    return Lead.objects.get(pk=lead.pk).closed_at


def test_closed_at_is_when_the_status_became_closed(api: Api) -> None:
    lead, before = old_lead(), timezone.now()
    change(api, lead, status="CLOSED")
    closed = closed_at(lead)
    assert closed is not None
    assert before <= closed <= timezone.now()
    change(api, lead, first_name="Edited")
    change(api, lead, status="closed")
    assert closed_at(lead) == closed
    change(api, lead, status="negotiation")
    assert closed_at(lead) is None
    change(api, lead, status="closed")
    again = closed_at(lead)
    assert again is not None
    assert again > closed


@pytest.mark.parametrize("body", [{"is_active": False}, {"is_active": "false", "first_name": "Gone"}, {"is_active": 0}])
def test_is_active_false_deletes_softly(api: Api, body: dict[str, Any]) -> None:
    lead = old_lead()
    reply = api.put(f"/api/leads/{lead.pk}", body)
    assert reply.status_code == 200
    assert reply.json()["is_active"] is False
    assert reply.json()["first_name"] == body.get("first_name", lead.first_name)
    assert Lead.objects.get().is_active is False
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        sent = {"is_active": True} if method.startswith("P") else None
        assert api.send(method, f"/api/leads/{lead.pk}", sent).status_code == 404
    assert api.get(f"/api/leads/{lead.pk}/activities").status_code == 404
    assert api.get("/api/leads").json() == []


def test_is_active_true_changes_nothing(api: Api) -> None:
    assert change(api, old_lead(), is_active=True)["is_active"] is True


@pytest.mark.parametrize(("value", "type"), [(None, "bool_type"), ("maybe", "bool_parsing"), (2, "bool_parsing")])
def test_is_active_is_a_truth_value(api: Api, value: Any, type: str) -> None:
    assert problems(api, old_lead(), is_active=value) == [(type, ["body", "is_active"])]


def test_values_are_judged_like_those_of_a_new_lead(api: Api, case: Case) -> None:
    for field in TEXTS:
        with case(field):
            lead = old_lead()
            assert problems(api, lead, **{field: 1}) == [("string_type", ["body", field])]
            assert problems(api, lead, **{field: "x" * 20_001}) == [("string_too_long", ["body", field])]
            assert problems(api, lead, **{field: "a\0"}) == [("value_error", ["body", field])]


def test_null_for_a_field_that_is_not_nullable(api: Api, case: Case) -> None:
    for field in TEXTS[:-1]:
        with case(field):
            assert problems(api, old_lead(), **{field: None}) == [("string_type", ["body", field])]


def test_a_stored_status_cannot_be_emptied(api: Api) -> None:
    assert problems(api, old_lead(), status=" ") == [("string_too_short", ["body", "status"])]


def test_server_set_and_unknown_fields_are_ignored(api: Api) -> None:
    lead = old_lead()
    out = change(
        api, lead, id=7, activity_count=9, created_at="x", updated_at=None, version=9, search="s", colour="red"
    )
    stored = Lead.objects.get()
    assert (out["id"], stored.pk, stored.activity_count, stored.version) == (lead.pk, lead.pk, 0, 1)
    assert stored.created_at == stored.updated_at == LONG_AGO
    assert (stored.search, "colour" in out) == (lead.search, False)


def test_a_body_that_is_no_change(api: Api, case: Case) -> None:
    for body in [b"", b"null", b"[]", b"[{}]", b'"x"', b"1", b"{", b"{}x"]:
        with case(body):
            lead = old_lead()
            assert [loc[0] for _, loc in refused(api.send("PUT", f"/api/leads/{lead.pk}", body))] == ["body"]
            assert Lead.objects.get().version == 1


def test_no_such_lead(api: Api) -> None:
    for number in (make_lead(is_active=False).pk, 0, 999_999_999, 2**63, 10**30):
        assert api.put(f"/api/leads/{number}", {"first_name": "x"}).status_code == 404
    assert refused(api.put("/api/leads/x", {})) == [("int_parsing", ["path", "lead_id"])]


def test_a_bad_body_is_told_before_a_missing_lead(api: Api) -> None:
    assert refused(api.put("/api/leads/999999999", {"email": 1})) == [("string_type", ["body", "email"])]
