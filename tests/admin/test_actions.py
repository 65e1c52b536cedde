"""Bulk actions in the list of leads: status, delete, restore, export."""

import io
import tracemalloc
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from leads.models import Lead, LeadChange
from leads.selection import Selection, SelectionChanged, summarize
from tests.admin.lead_forms import fields_in
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.exporting.command import rows_of
from tests.factories import SOMEBODY, lead_row, make_lead, make_leads, make_user
from tests.test_query_counts import statements

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"


def many(count: int, **fields: Any) -> list[Lead]:
    row = {"status": "new", "source": "x", "budget_min": None, "budget_max": None, "property_interest": None}
    return [Lead(**columns) for columns in make_leads([{**row, **lead_row(**fields)} for _ in range(count)])]


def start(
    browser: Client, action: str, leads: list[Lead], across: bool = False, query: str = "", **more: str
) -> HttpResponse:
    """Submit an action on the selected leads, as the list does."""
    selected = [str(lead.pk) for lead in leads]
    form = {"action": action, "select_across": str(int(across)), "index": "0", "_selected_action": selected, **more}
    return browser.post(LIST + query, form)


def confirm(browser: Client, page: HttpResponse, query: str = "", **fields: str) -> HttpResponse:
    """Submit the confirmation page."""
    html = page.content.decode()
    begin = html.index('<form class="lead-card"')
    form: dict[str, Any] = fields_in(html[begin:].replace("<form ", '<form id="it" ', 1), "it")
    selected = [part.split('value="')[1].split('"')[0] for part in html.split('name="_selected_action"')[1:]]
    return browser.post(LIST + query, {**form, "_selected_action": selected, **fields})


def follow(reply: HttpResponse, browser: Client) -> str:
    """Return the page after a redirect."""
    assert reply.status_code == 302
    return browser.get(reply["Location"]).content.decode()


def test_it_works(boss: Client, api: Api) -> None:
    first, second, other = many(3)
    page = start(boss, "set_status", [first, second])
    html = page.content.decode()
    assert "Set the status of 2 leads?" in html
    assert first.email in html
    assert Lead.objects.filter(status="new").count() == 3
    assert "2 leads updated." in follow(confirm(boss, page, status="closed"), boss)
    assert sorted(Lead.objects.in_status("closed").values_list("pk", flat=True)) == [first.pk, second.pk]
    other.refresh_from_db()
    assert other.version == 1
    row = api.get("/api/dashboard").json()
    assert (row["closed_leads_this_month"], row["total_leads"]) == (2, 3)


def test_all_matching_leads_on_all_pages(boss: Client) -> None:
    many(120, last_name="Match")
    others = many(3, last_name="Other")
    first_page = list(Lead.objects.search(["match"]).newest_first()[:50])
    page = start(boss, "set_status", first_page, across=True, query="?q=match")
    assert "<strong>120 leads</strong> selected: all that match the filters, on all pages" in page.content.decode()
    assert "120 leads updated." in follow(confirm(boss, page, query="?q=match", status="lost"), boss)
    assert Lead.objects.in_status("lost").count() == 120
    assert not Lead.objects.filter(pk__in=[lead.pk for lead in others]).in_status("lost").exists()


def test_status_changes_update_version_closing_date_and_history(boss: Client) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    fresh, closed, lost = many(3)
    Lead.objects.filter(pk=closed.pk).update(status="closed", closed_at=long_ago)
    Lead.objects.filter(pk=lost.pk).update(status="lost")
    html = follow(confirm(boss, start(boss, "set_status", [fresh, closed, lost]), status="Closed "), boss)
    assert "2 leads updated, 1 already had this status." in html
    for lead in (fresh, closed, lost):
        lead.refresh_from_db()
    assert (closed.closed_at, closed.version) == (long_ago, 1)  # already closed
    assert fresh.closed_at == fresh.updated_at == lost.closed_at
    assert (fresh.version, lost.version) == (2, 2)
    assert LeadChange.objects.of_lead(lost.pk)[0].changes == {"status": ["lost", "closed"]}
    change = LeadChange.objects.of_lead(fresh.pk)[0]
    assert (change.kind, change.channel, change.user_name, change.changes) == (
        "changed",
        "admin",
        "Agent " + change.user_name.split()[-1],
        {"status": ["new", "closed"]},
    )
    assert not LeadChange.objects.of_lead(closed.pk)
    follow(confirm(boss, start(boss, "set_status", [fresh]), status="negotiation"), boss)
    fresh.refresh_from_db()
    assert (fresh.status, fresh.closed_at, fresh.version) == ("negotiation", None, 3)


def test_delete_and_restore(boss: Client, api: Api) -> None:
    leads = many(60)
    page = start(boss, "delete_softly", leads[:50], across=True)
    assert "Delete 60 leads?" in page.content.decode()
    assert "60 leads deleted." in follow(confirm(boss, page), boss)
    assert api.get("/api/leads").json() == []
    assert api.get("/api/dashboard").json()["total_leads"] == 0
    page = start(boss, "restore", leads[:2], query="?deleted=1")
    assert "2 leads restored." in follow(confirm(boss, page, query="?deleted=1"), boss)
    assert {row["id"] for row in api.get("/api/leads").json()} == {leads[0].pk, leads[1].pk}
    assert [change.kind for change in LeadChange.objects.of_lead(leads[0].pk)] == ["restored", "deleted"]
    leads[0].refresh_from_db()
    assert leads[0].version == 3


def test_erased_leads_are_not_restored(boss: Client) -> None:
    erased, deleted = make_lead(email="ada@example.com"), make_lead(is_active=False)
    call_command("erase_person", "ada@example.com", "--yes", stdout=io.StringIO())
    page = start(boss, "restore", [erased, deleted], query="?deleted=1")
    assert "1 lead restored." in follow(confirm(boss, page, query="?deleted=1"), boss)
    assert set(Lead.objects.active()) == {deleted}


def test_nothing_to_restore(boss: Client) -> None:
    lead = make_lead()
    assert "None of the selected leads can be restored." in follow(start(boss, "restore", [lead]), boss)


@pytest.mark.parametrize("change", ["added", "removed", "replaced"])
def test_a_changed_selection_must_be_confirmed_again(boss: Client, change: str) -> None:
    leads = many(3)
    page = start(boss, "delete_softly", leads, across=True)
    if change in ("added", "replaced"):
        many(1)
    if change in ("removed", "replaced"):
        Lead.objects.update_lead(leads[0].pk, {"is_active": False}, SOMEBODY)
    again = confirm(boss, page)
    html = again.content.decode()
    now = {"added": 4, "removed": 2, "replaced": 3}[change]
    assert f"The selection has changed (3 → {now} leads)." in html
    assert f"Delete {now} leads?" in html
    assert Lead.objects.active().count() == now
    follow(confirm(boss, again), boss)
    assert Lead.objects.active().count() == 0


def test_an_invalid_confirmation_asks_again(boss: Client, case: Case) -> None:
    for confirmed in ["", "x", "3", "3-", "-3-9", "9" * 40, "1-1\n", "٣-٩"]:
        with case(confirmed):
            leads = many(3)
            reply = start(boss, "delete_softly", leads, confirmed=confirmed)
            assert reply.status_code == 200
            assert Lead.objects.active().count() == 3


def test_invalid_ids(boss: Client, case: Case) -> None:
    for across, number in product(["0", "1"], ["x", "1.5", "-1", "9" * 19, "9" * 40, "", "1 OR 1=1", "١"]):
        with case(across, number):
            make_lead()
            form = {"action": "delete_softly", "select_across": across, "index": "0", "_selected_action": [number]}
            assert "Invalid selection." in follow(boss.post(LIST, form), boss)
            assert Lead.objects.active().count() == 1


@pytest.mark.parametrize("status", ["", "  ", "x" * 33, "a\0b"])
def test_an_invalid_status(boss: Client, status: str) -> None:
    lead = make_lead()
    assert "Not changed" in follow(confirm(boss, start(boss, "set_status", [lead]), status=status), boss)
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("new", 1)


def test_too_many_leads(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads.back_office.actions.MAX", 2)
    leads = many(3)
    html = start(boss, "delete_softly", leads).content.decode()
    assert "At most 2 leads can be changed at once." in html
    selection = summarize(Lead.objects.all())
    assert start(boss, "delete_softly", leads, confirmed=f"{selection.size}-{selection.id_sum}").status_code == 200
    assert Lead.objects.active().count() == 3


def test_read_only_users_have_no_actions(case: Case) -> None:
    for action in ["set_status", "delete_softly", "restore", "export", "merge"]:
        with case(action):
            lead = make_lead()
            viewer = make_user(is_staff=True)
            viewer.user_permissions.add(Permission.objects.get(codename="view_lead"))
            browser = Client()
            browser.force_login(viewer)
            assert start(browser, action, [lead], confirmed=f"1-{lead.pk}", status="lost").status_code in (
                302,
                403,
                200,
            )
            lead.refresh_from_db()
            assert (lead.version, lead.is_active) == (1, True)
            assert browser.get(f"{LIST}merge/?ids={lead.pk},{lead.pk + 1}").status_code == 403


def test_leads_are_never_deleted_permanently(boss: Client) -> None:
    lead = make_lead()
    html = boss.get(LIST).content.decode()
    assert "delete_selected" not in html
    start(boss, "delete_selected", [lead], post="yes")
    assert Lead.objects.filter(pk=lead.pk).exists()


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_export(boss: Client, tmp_path: Path, format: str) -> None:
    leads = many(60, source="Trade fair")
    many(2, source="website")
    page = start(boss, "export", leads[:50], across=True, query="?source=trade+fair")
    assert "Export 60 leads?" in page.content.decode()
    reply = confirm(boss, page, query="?source=trade+fair", format=format)
    assert reply.status_code == 200
    assert f".{format}" in reply["Content-Disposition"]
    file = tmp_path / f"leads.{format}"
    file.write_bytes(b"".join(reply.streaming_content))
    assert {row["email"] for row in rows_of(file)} == {lead.email for lead in leads}


@pytest.mark.parametrize("format", ["", "pdf", "../x"])
def test_an_invalid_export_format(boss: Client, format: str) -> None:
    page = start(boss, "export", [make_lead()])
    assert "Not exported" in follow(confirm(boss, page, format=format), boss)


def test_an_export_that_fails(boss: Client) -> None:
    lead = make_lead(property_interest="a\ufffeb")
    reply = confirm(boss, start(boss, "export", [lead]), format="xlsx")
    assert "no workbook can hold" in follow(reply, boss)


def test_the_number_of_statements_does_not_grow() -> None:
    costs = []
    for count in (2, 500):
        Lead.objects.all().delete()
        many(count)
        with statements() as run:
            assert Lead.objects.active().update_leads("status", "closed", SOMEBODY) == count
        # 1. ids and locks  2. history entries  3. leads  4. drop the ids
        costs.append(len([sql for sql in run if not sql.startswith(("ANALYZE", "SELECT JSON('"))]))
    assert costs == [4, 4]


def test_memory_does_not_grow() -> None:
    peaks = []
    for count in (50, 3000):
        many(count)
        tracemalloc.start()
        Lead.objects.active().update_leads("status", f"step {count}", SOMEBODY)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000


def test_two_selections_of_the_same_size_differ() -> None:
    first, second = many(2)
    confirmed = summarize(Lead.objects.filter(pk=first.pk))
    assert confirmed == Selection(1, first.pk)
    with pytest.raises(SelectionChanged):
        Lead.objects.filter(pk=second.pk).update_leads("status", "lost", SOMEBODY, confirmed)
    assert summarize(Lead.objects.none()) == Selection(0, 0)
    assert not Lead.objects.in_status("lost").exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_changes_of_the_same_leads(concurrent_db: None, api: Api) -> None:
    leads = many(40)
    half = [lead.pk for lead in leads[20:]]
    jobs = (
        lambda: Lead.objects.update_leads("status", "closed", SOMEBODY),
        lambda: Lead.objects.filter(pk__in=half).update_leads("status", "lost", SOMEBODY),
        lambda: api.put(f"/api/leads/{leads[30].pk}", {"status": "qualified"}).status_code,
    )
    assert together(*jobs) == [40, 20, 200]
    for lead in Lead.objects.all():
        changes = LeadChange.objects.of_lead(lead.pk)
        assert changes.count() == lead.version - 1
        assert changes[0].changes["status"][1] == lead.status
        assert (lead.status == "closed") == (lead.closed_at is not None)


def test_select_all_shows_no_number(boss: Client) -> None:
    many(60)
    html = boss.get(LIST).content.decode()
    assert "Select all matching leads" in html
    assert "Select all 60" not in html
