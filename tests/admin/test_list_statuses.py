"""Statuses changed in the list, as in a spreadsheet, but over nobody else's change."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from leads.back_office import inline_status
from leads.models import Lead, LeadChange
from tests.admin.lists import page, told
from tests.conftest import Api
from tests.factories import activity_row, make_lead, make_user

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"


def seen(browser: Client, path: str = LIST) -> dict[str, str]:
    """The fields of the list as its user got them: the status of each lead, and what goes with it unseen."""
    text = page(browser, path)
    fields = dict(re.findall(r'<input type="hidden" name="(seen-\d+)" value="([^"]*)"', text))
    for name, options in re.findall(r'<select name="(status-\d+)".*?>(.*?)</select>', text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        assert chosen
        fields[name] = chosen[1]
    return fields


def save(browser: Client, fields: dict[str, Any], path: str = LIST) -> str:
    """The page that follows."""
    reply = browser.post(path, {**fields, "_statuses": "1"}, follow=True)
    assert reply.status_code == 200
    return told(reply.content.decode())


def test_it_works(boss: Client, api: Api) -> None:
    lead, other = make_lead(), make_lead(status="closed")
    fields = seen(boss)
    assert {fields[f"status-{lead.pk}"], fields[f"status-{other.pk}"]} == {"new", "closed"}
    text = save(boss, {**fields, f"status-{lead.pk}": "closed", f"status-{other.pk}": "lost"})
    assert "The status of 2 leads was saved" in text
    lead.refresh_from_db()
    other.refresh_from_db()
    assert (lead.status, lead.version, lead.closed_at is not None) == ("closed", 2, True)
    assert (other.status, other.version, other.closed_at) == ("lost", 2, None)
    assert api.get("/api/dashboard").json()["leads_by_status"] == [
        {"status": "closed", "count": 1},
        {"status": "lost", "count": 1},
    ]
    told_of = LeadChange.objects.filter(lead=lead).latest("id")
    assert (told_of.changes["status"], told_of.channel) == (["new", "closed"], "admin")


def test_rows_that_were_not_touched_stay(boss: Client) -> None:
    lead, other = make_lead(), make_lead()
    fields = seen(boss)
    Lead.objects.filter(pk=other.pk).update(status="qualified", version=2)
    save(boss, {**fields, f"status-{lead.pk}": "contacted"})
    other.refresh_from_db()
    assert (other.status, other.version) == ("qualified", 2)


def test_a_change_made_meanwhile_stays(boss: Client, api: Api) -> None:
    lead, other = make_lead(first_name="Ada", last_name="King"), make_lead()
    fields = seen(boss)
    api.put(f"/api/leads/{lead.pk}", {"status": "negotiation"})
    text = save(boss, {**fields, f"status-{lead.pk}": "lost", f"status-{other.pk}": "lost"})
    assert "Ada King was not saved: somebody changed this lead meanwhile" in text
    assert "“negotiation”" in text
    assert "1 lead was saved" in text
    lead.refresh_from_db()
    other.refresh_from_db()
    assert (lead.status, lead.version, other.status) == ("negotiation", 2, "lost")


def test_a_call_logged_meanwhile_is_no_obstacle(boss: Client, api: Api) -> None:
    lead = make_lead()
    fields = seen(boss)
    api.post(f"/api/leads/{lead.pk}/activities", activity_row())
    save(boss, {**fields, f"status-{lead.pk}": "contacted"})
    lead.refresh_from_db()
    assert (lead.status, lead.activity_count) == ("contacted", 1)


def test_saving_twice_changes_once(boss: Client) -> None:
    lead = make_lead()
    fields = {**seen(boss), f"status-{lead.pk}": "contacted"}
    save(boss, fields)
    assert "was not saved" in save(boss, fields)
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("contacted", 2)


def test_a_deleted_lead_stays_as_it_is(boss: Client, api: Api) -> None:
    lead = make_lead()
    fields = {**seen(boss), f"status-{lead.pk}": "contacted"}
    api.delete(f"/api/leads/{lead.pk}")
    assert "it was deleted meanwhile" in save(boss, fields)
    lead.refresh_from_db()
    assert (lead.status, lead.is_active) == ("new", False)
    assert seen(boss, f"{LIST}?deleted=1") == {}


def test_the_same_list_comes_again(boss: Client) -> None:
    lead = make_lead()
    reply = boss.post(f"{LIST}?status=new&p=1", {**seen(boss), f"status-{lead.pk}": "lost", "_statuses": "1"})
    assert reply.headers["Location"] == f"{LIST}?status=new&p=1"


def test_another_office_s_status_can_be_kept_and_chosen(boss: Client) -> None:
    lead, other = make_lead(status="viewing"), make_lead()
    save(boss, {**seen(boss), f"status-{other.pk}": "viewing"})
    lead.refresh_from_db()
    other.refresh_from_db()
    assert (lead.status, lead.version, other.status) == ("viewing", 1, "viewing")


@pytest.mark.parametrize("status", ["", "x" * 33, "a\0b"])
def test_the_rules_hold(boss: Client, status: str) -> None:
    lead = make_lead()
    assert "was not saved" in save(boss, {f"status-{lead.pk}": status, f"seen-{lead.pk}": "1 new"})
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("new", 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"status-1": "lost"},
        {"status-x": "lost", "seen-x": "1 new"},
        {"status-999999999999999999": "lost", "seen-999999999999999999": "1 new"},
        {"status-9999999999999999999999": "lost", "seen-9999999999999999999999": "1 new"},
        {"status-1": "lost", "seen-1": "new"},
        {"status-1": "lost", "seen-1": "99999999999 new"},
        {},
    ],
)
def test_what_the_list_never_sends(boss: Client, fields: dict[str, str]) -> None:
    lead = make_lead()
    save(boss, fields)
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("new", 1)


def test_no_more_than_a_page(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_status, "MAX", 1)
    leads = [make_lead(), make_lead()]
    assert "Nothing was saved" in save(boss, {**seen(boss), **{f"status-{lead.pk}": "lost" for lead in leads}})
    assert set(Lead.objects.values_list("status", flat=True)) == {"new"}


def test_who_may_only_look_changes_nothing(client: Client) -> None:
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
