"""GET /api/leads/{lead_id}."""

import pytest

from tests.conftest import Api
from tests.factories import make_lead

pytestmark = pytest.mark.django_db


def test_it_works(api: Api) -> None:
    lead = make_lead(first_name="John", budget_min=300000)
    reply = api.get(f"/api/leads/{lead.pk}")
    assert reply.status_code == 200
    assert reply.json()["first_name"] == "John"
    assert reply.json()["budget_min"] == 300000
