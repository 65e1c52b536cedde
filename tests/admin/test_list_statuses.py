"""Changing statuses in the list of leads."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from leads.back_office import inline_status
from leads.models import Lead, LeadChange
from tests.admin.lists import page, visible_text
from tests.conftest import Api, Case
from tests.factories import activity_row, make_lead, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"


def list_form(browser: Client, path: str = LIST) -> dict[str, str]:
    """Return the form of the list: status and hidden version of each lead."""
    text = page(browser, path)
    fields = dict(re.findall(r'<input type="hidden" name="(seen-\d+)" value="([^"]*)"', text))
    for name, options in re.findall(r'<select name="(status-\d+)".*?>(.*?)</select>', text, re.DOTALL):
        selected = re.search(r'value="([^"]*)" selected', options)
        assert selected
        fields[name] = selected[1]
    return fields


def save(browser: Client, fields: dict[str, Any], path: str = LIST) -> str:
    """Save the statuses, and return the text of the page."""
    reply = browser.post(path, {**fields, "_statuses": "1"}, follow=True)
    assert reply.status_code == 200
    return visible_text(reply.content.decode())


def test_it_works(boss: Client, api: Api) -> None:
    lead, other = make_lead(), make_lead(status="closed")
    fields = list_form(boss)
    assert {fields[f"status-{lead.pk}"], fields[f"status-{other.pk}"]} == {"new", "closed"}
    text = save(boss, {**fields, f"status-{lead.pk}": "closed", f"status-{other.pk}": "lost"})
    assert "2 leads updated." in text
    lead.refresh_from_db()
    other.refresh_from_db()
    assert (lead.status, lead.version, lead.closed_at is not None) == ("closed", 2, True)
    assert (other.status, other.version, other.closed_at) == ("lost", 2, None)
    assert api.get("/api/dashboard").json()["leads_by_status"] == [
        {"status": "closed", "count": 1},
        {"status": "lost", "count": 1},
    ]
    change = LeadChange.objects.filter(lead=lead).latest("id")
    assert (change.changes["status"], change.channel) == (["new", "closed"], "admin")


def test_other_rows_stay_unchanged(boss: Client) -> None:
    lead, other = make_lead(), make_lead()
    fields = list_form(boss)
    Lead.objects.filter(pk=other.pk).update(status="qualified", version=2)
    save(boss, {**fields, f"status-{lead.pk}": "contacted"})
    other.refresh_from_db()
    assert (other.status, other.version) == ("qualified", 2)


def test_a_concurrent_change_is_not_overwritten(boss: Client, api: Api) -> None:
    lead, other = make_lead(first_name="Ada", last_name="King"), make_lead()
    fields = list_form(boss)
    api.put(f"/api/leads/{lead.pk}", {"status": "negotiation"})
    text = save(boss, {**fields, f"status-{lead.pk}": "lost", f"status-{other.pk}": "lost"})
    assert "Ada King not saved: someone else changed this lead." in text
    assert "“negotiation”" in text
    assert "1 lead updated." in text
    lead.refresh_from_db()
    other.refresh_from_db()
    assert (lead.status, lead.version, other.status) == ("negotiation", 2, "lost")


def test_a_concurrent_activity_is_no_conflict(boss: Client, api: Api) -> None:
    lead = make_lead()
    fields = list_form(boss)
    api.post(f"/api/leads/{lead.pk}/activities", activity_row())
    save(boss, {**fields, f"status-{lead.pk}": "contacted"})
    lead.refresh_from_db()
    assert (lead.status, lead.activity_count) == ("contacted", 1)


def test_saving_twice_changes_once(boss: Client) -> None:
    lead = make_lead()
    fields = {**list_form(boss), f"status-{lead.pk}": "contacted"}
    save(boss, fields)
    assert "not saved" in save(boss, fields)
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("contacted", 2)


def test_a_deleted_lead_stays_unchanged(boss: Client, api: Api) -> None:
    lead = make_lead()
    fields = {**list_form(boss), f"status-{lead.pk}": "contacted"}
    api.delete(f"/api/leads/{lead.pk}")
    assert "someone else deleted it" in save(boss, fields)
    lead.refresh_from_db()
    assert (lead.status, lead.is_active) == ("new", False)
    assert list_form(boss, f"{LIST}?deleted=1") == {}


def test_the_list_keeps_its_filters(boss: Client) -> None:
    lead = make_lead()
    reply = boss.post(f"{LIST}?status=new&p=1", {**list_form(boss), f"status-{lead.pk}": "lost", "_statuses": "1"})
    assert reply.headers["Location"] == f"{LIST}?status=new&p=1"


def test_statuses_outside_of_the_pipeline(boss: Client) -> None:
    lead, other = make_lead(status="viewing"), make_lead()
    save(boss, {**list_form(boss), f"status-{other.pk}": "viewing"})
    lead.refresh_from_db()
    other.refresh_from_db()
    assert (lead.status, lead.version, other.status) == ("viewing", 1, "viewing")


@pytest.mark.parametrize("status", ["", "x" * 33, "a\0b"])
def test_invalid_statuses(boss: Client, status: str) -> None:
    lead = make_lead()
    assert "not saved" in save(boss, {f"status-{lead.pk}": status, f"seen-{lead.pk}": "1 new"})
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("new", 1)


def test_invalid_forms(boss: Client, case: Case) -> None:
    for fields in [
        {"status-1": "lost"},
        {"status-x": "lost", "seen-x": "1 new"},
        {"status-999999999999999999": "lost", "seen-999999999999999999": "1 new"},
        {"status-9999999999999999999999": "lost", "seen-9999999999999999999999": "1 new"},
        {"status-1": "lost", "seen-1": "new"},
        {"status-1": "lost", "seen-1": "99999999999 new"},
        {},
    ]:
        with case(fields):
            lead = make_lead()
            save(boss, fields)
            lead.refresh_from_db()
            assert (lead.status, lead.version) == ("new", 1)


def test_too_many_rows(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_status, "MAX", 1)
    leads = [make_lead(), make_lead()]
    assert "Not saved" in save(boss, {**list_form(boss), **{f"status-{lead.pk}": "lost" for lead in leads}})
    assert set(Lead.objects.values_list("status", flat=True)) == {"new"}


def test_read_only_users_change_nothing(client: Client) -> None:
    reader = make_user(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_lead"))
    client.force_login(reader)
    lead = make_lead(status="contacted")
    text = page(client, LIST)
    assert "Contacted" in text
    assert '<select name="status-' not in text.partition('id="result_list"')[2]
    reply = client.post(LIST, {f"status-{lead.pk}": "lost", f"seen-{lead.pk}": "1 contacted", "_statuses": "1"})
    assert reply.status_code == 403
    lead.refresh_from_db()
    assert lead.status == "contacted"
