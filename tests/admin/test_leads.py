"""The pages of leads and activities."""

import pytest
from django.test import Client

from leads.models import Lead
from tests.conftest import Api
from tests.factories import make_activity, make_lead
from users.models import User

pytestmark = pytest.mark.django_db

LEAD = {
    "first_name": "John",
    "last_name": "Smith",
    "email": "john@example.com",
    "phone": "+1-555-0100",
    "status": " Closed ",
    "source": "website",
    "budget_min": "300000",
    "budget_max": "450000",
    "property_interest": "2BR condo",
    "is_active": "on",
}


def test_it_works(boss: Client, api: Api) -> None:
    boss.post("/admin/leads/lead/add/", LEAD)
    lead = Lead.objects.get()
    assert (lead.status, lead.version, lead.search.splitlines()[-1]) == ("closed", 1, "15550100")
    assert lead.closed_at is not None
    assert api.get("/api/leads", q="5550100").json()[0]["id"] == lead.pk


def test_list_searches_as_the_api_does(boss: Client) -> None:
    make_lead(first_name="Émile", phone="+1-555-0100")
    make_lead(first_name="Zoe", phone="+1-777-0000")
    page = boss.get("/admin/leads/lead/?q=ÉMILE 5550100").content.decode()
    assert "Émile" in page
    assert "Zoe" not in page


def test_saving_validates(boss: Client) -> None:
    lead = make_lead()
    page = boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**LEAD, "budget_max": "1"}).content.decode()
    assert "The maximum budget is below the minimum." in page
    lead.refresh_from_db()
    assert (lead.budget_max, lead.version) == (None, 1)


def test_saving_updates_derived_columns(boss: Client, api: Api) -> None:
    lead = make_lead(first_name="Ada")
    boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**LEAD, "status": "lost"})
    lead.refresh_from_db()
    assert (lead.version, lead.email_key, lead.closed_at) == (2, "john@example.com", None)
    assert [row["id"] for row in api.get("/api/leads", q="smith").json()] == [lead.pk]


def test_a_deleted_lead_is_restored(boss: Client, api: Api) -> None:
    lead = make_lead(is_active=False)
    assert api.get(f"/api/leads/{lead.pk}").status_code == 404
    boss.post(f"/admin/leads/lead/{lead.pk}/change/", LEAD)
    assert api.get(f"/api/leads/{lead.pk}").status_code == 200


@pytest.mark.parametrize("page", ["leads/lead/{lead}/delete/", "activities/activity/add/"])
def test_pages_that_do_not_exist(boss: Client, page: str) -> None:
    lead = make_lead()
    assert boss.get(f"/admin/{page.format(lead=lead.pk)}").status_code == 403


def test_activities_are_listed(boss: Client, agent: User) -> None:
    activity = make_activity(make_lead(), agent, title="Showed the garden")
    assert "Showed the garden" in boss.get("/admin/activities/activity/").content.decode()
    assert boss.get(f"/admin/activities/activity/{activity.pk}/change/").status_code == 200
