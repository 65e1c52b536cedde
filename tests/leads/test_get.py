"""GET /api/leads/{lead_id}."""

from datetime import UTC, datetime

import pytest

from tests.assertions import refused
from tests.conftest import Api, Case
from tests.factories import make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db


def test_it_works(api: Api, agent: User) -> None:
    lead = make_lead(
        first_name="John",
        last_name="Smith",
        email="john@example.com",
        phone="+1-555-0100",
        budget_min=300_000,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    )
    make_activity(lead, agent)
    reply = api.get(f"/api/leads/{lead.pk}")
    assert reply.status_code == 200
    assert reply.json() == {
        "id": lead.pk,
        "first_name": "John",
        "last_name": "Smith",
        "email": "john@example.com",
        "phone": "+1-555-0100",
        "status": "new",
        "source": "website",
        "budget_min": 300_000,
        "budget_max": None,
        "property_interest": None,
        "is_active": True,
        "created_at": "2026-01-02T03:04:05.000000",
        "updated_at": "2026-01-02T03:04:05.000678",
        "activity_count": 1,
    }


def test_every_agent_sees_every_lead(anonymous: Api, api: Api) -> None:
    lead = make_lead()
    assert anonymous.get(f"/api/leads/{lead.pk}").status_code == 401
    assert api.get(f"/api/leads/{lead.pk}").status_code == 200


def test_a_trailing_slash_changes_nothing(api: Api) -> None:
    lead = make_lead()
    assert api.get(f"/api/leads/{lead.pk}/").json() == api.get(f"/api/leads/{lead.pk}").json()


def test_no_such_lead(api: Api, case: Case) -> None:
    for number in ["0", "-1", "999999999", str(2**63 - 1), str(2**63), "9" * 100]:
        with case(number):
            reply = api.get(f"/api/leads/{number}")
            assert reply.status_code == 404
            assert list(reply.json()) == ["detail"]


def test_an_inactive_lead_is_not_found(api: Api) -> None:
    gone = api.get(f"/api/leads/{make_lead(is_active=False).pk}")
    assert gone.status_code == 404
    assert gone.json() == api.get("/api/leads/999999999").json()


def test_an_id_that_is_no_number(api: Api, case: Case) -> None:
    for word in ["abc", "1.5", "1e3", "0x1", "1,2", "null", "é", "%D9%A1", "%00", "1%00"]:
        with case(word):
            assert refused(api.get(f"/api/leads/{word}")) == [("int_parsing", ["path", "lead_id"])]


def test_every_missing_lead_is_told_alike(api: Api, case: Case) -> None:
    for lead_id in ["999", "0", "-1", str(2**63), "9" * 30]:
        with case(lead_id):
            reply = api.get(f"/api/leads/{lead_id}")
            assert (reply.status_code, reply.json()) == (404, {"detail": "Lead not found"})
