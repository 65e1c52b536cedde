"""The page that corrects or deletes an activity."""

from typing import Any

import pytest
from django.test import Client

from activities.models import Activity
from leads.models import Lead
from tests.admin.lead_forms import open_form
from tests.admin.people import browser_of
from tests.factories import make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def activity() -> Activity:
    return make_activity(make_lead(), make_user(), activity_type="visit", title="Wrong", activity_date="2999-01-01")


def page(activity: Activity) -> str:
    return f"/admin/leads/lead/{activity.lead_id}/activities/{activity.pk}/"


def test_correcting(manager: Client, activity: Activity) -> None:
    lead_page = f"/admin/leads/lead/{activity.lead_id}/change/"
    assert f'href="{page(activity)}"' in manager.get(lead_page).content.decode()
    form = open_form(manager, page(activity), "log_form")
    assert (form["activity_type"], form["activity_date"]) == ("visit", "2999-01-01")
    assert manager.post(page(activity), form | {"title": ""}).status_code == 200
    assert manager.post(page(activity), form | {"title": "Right"}).status_code == 302  # its day may stay in the future
    stored = Activity.objects.get()
    assert (stored.title, stored.activity_type, stored.lead.activity_count) == ("Right", "visit", 1)
    assert "Activity changed" in manager.get(lead_page).content.decode()


def test_deleting(manager: Client, activity: Activity) -> None:
    assert manager.post(page(activity), {"_delete": "1"}).status_code == 302
    assert (Activity.objects.count(), Lead.objects.get().activity_count) == (0, 0)
    assert manager.post(page(activity), {"_delete": "1"}).status_code == 404


@pytest.mark.parametrize("form", [{}, {"_delete": "1"}, {"title": "Mine"}])
def test_of_others(activity: Activity, form: dict[str, Any]) -> None:
    staff = browser_of("staff")
    assert "Edit" not in staff.get(f"/admin/leads/lead/{activity.lead_id}/change/").content.decode()
    assert staff.post(page(activity), form).status_code == 403
    author = User.objects.get(pk=staff.session["_auth_user_id"])
    mine = make_activity(activity.lead, author)
    assert staff.get(page(mine)).status_code == 200
    assert staff.get(page(mine).replace(f"/{mine.lead_id}/", f"/{make_lead().pk}/")).status_code == 404
    Lead.objects.filter(pk=mine.lead_id).update(is_active=False)
    assert staff.get(page(mine)).status_code == 404
