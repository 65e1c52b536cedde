"""PUT /api/leads/{lead_id} by several agents at once, on real connections."""

from functools import partial

import pytest

from leads.models import Lead
from tests.concurrency import together
from tests.conftest import Api
from tests.factories import bearer, make_lead, make_user

pytestmark = pytest.mark.usefixtures("concurrent_db")

FIELDS = {
    "first_name": "Grace",
    "last_name": "Hopper",
    "email": "grace@example.com",
    "phone": "+1-555-0199",
    "status": "closed",
    "source": "Referral",
    "budget_min": 5,
    "property_interest": "castle",
}


def test_changes_of_different_fields_all_survive() -> None:
    headers, lead = bearer(make_user()), make_lead()
    path = f"/api/leads/{lead.pk}"
    replies = together(*(partial(Api(headers).put, path, {name: value}) for name, value in FIELDS.items()))
    assert [reply.status_code for reply in replies] == [200] * 8
    stored = Lead.objects.get()
    assert {name: getattr(stored, name) for name in FIELDS} == FIELDS
    assert stored.version == 1 + 8
    assert stored.closed_at is not None
    assert stored.source_key == "referral"
    assert stored.search.split("\n") == ["grace", "hopper", "grace@example.com", "+1-555-0199", "15550199"]


def test_two_halves_of_a_crossed_budget_cannot_both_be_stored() -> None:
    headers, lead = bearer(make_user()), make_lead(budget_min=100, budget_max=200)
    path = f"/api/leads/{lead.pk}"
    bodies = [{"budget_min": 180}, {"budget_max": 120}] * 4
    replies = together(*(partial(Api(headers).put, path, body) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [200] * 4 + [422] * 4
    stored = Lead.objects.get()
    assert (stored.budget_min, stored.budget_max) in {(180, 200), (100, 120)}


def test_only_one_of_many_deletes_finds_the_lead() -> None:
    headers, lead = bearer(make_user()), make_lead()
    replies = together(*[partial(Api(headers).delete, f"/api/leads/{lead.pk}") for _ in range(8)])
    assert sorted(reply.status_code for reply in replies) == [204] + [404] * 7
    stored = Lead.objects.get()
    assert (stored.is_active, stored.version) == (False, 2)
