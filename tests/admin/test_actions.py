"""What staff do with many leads in the list: status, deletion, restoring, export."""

import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from leads.models import Lead, LeadChange
from leads.selection import Selection, SelectionChanged, summarize
from tests.admin.lead_forms import fields_in
from tests.concurrency import together
from tests.conftest import Api
from tests.exporting.command import rows_of
from tests.factories import SOMEBODY, lead_row, make_lead, make_leads, make_user
from tests.test_query_counts import statements

pytestmark = pytest.mark.django_db

LIST = "/admin/leads/lead/"


def many(count: int, **fields: Any) -> list[Lead]:
    row = {"status": "new", "source": "x", "budget_min": None, "budget_max": None, "property_interest": None}
    return [Lead(**columns) for columns in make_leads([{**row, **lead_row(**fields)} for _ in range(count)])]


def ask(
    browser: Client, action: str, leads: list[Lead], across: bool = False, query: str = "", **more: str
) -> HttpResponse:
    """Choose leads and an action, as the list's form does."""
    ticked = [str(lead.pk) for lead in leads]
    form = {"action": action, "select_across": str(int(across)), "index": "0", "_selected_action": ticked, **more}
    return browser.post(LIST + query, form)


def agree(browser: Client, asked: HttpResponse, query: str = "", **chosen: str) -> HttpResponse:
    """Press the button of the page that asks."""
    html = asked.content.decode()
    start = html.index('<form class="lead-card"')
    form: dict[str, Any] = fields_in(html[start:].replace("<form ", '<form id="asked" ', 1), "asked")
    ticked = [part.split('value="')[1].split('"')[0] for part in html.split('name="_selected_action"')[1:]]
    return browser.post(LIST + query, {**form, "_selected_action": ticked, **chosen})


def told(reply: HttpResponse, browser: Client) -> str:
    """The page that follows."""
    assert reply.status_code == 302
    return browser.get(reply["Location"]).content.decode()


def test_it_works(boss: Client, api: Api) -> None:
    first, second, other = many(3)
    asked = ask(boss, "set_status", [first, second])
    html = asked.content.decode()
    assert "Set the status of 2 leads?" in html
    assert first.email in html
    assert Lead.objects.filter(status="new").count() == 3
    assert "2 leads were changed" in told(agree(boss, asked, status="closed"), boss)
    assert sorted(Lead.objects.in_status("closed").values_list("pk", flat=True)) == [first.pk, second.pk]
    other.refresh_from_db()
    assert other.version == 1
    row = api.get("/api/dashboard").json()
    assert (row["closed_leads_this_month"], row["total_leads"]) == (2, 3)


def test_all_that_match_not_only_the_page(boss: Client) -> None:
    many(120, last_name="Match")
    kept = many(3, last_name="Kept")
    shown = list(Lead.objects.search(["match"]).newest_first()[:50])
    asked = ask(boss, "set_status", shown, across=True, query="?q=match")
    assert "All that match the list’s filters, on every page: <strong>120 leads</strong>" in asked.content.decode()
    assert "120 leads were changed" in told(agree(boss, asked, query="?q=match", status="lost"), boss)
    assert Lead.objects.in_status("lost").count() == 120
    assert not Lead.objects.filter(pk__in=[lead.pk for lead in kept]).in_status("lost").exists()


def test_status_changes_keep_everything_right(boss: Client) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    fresh, closed, lost = many(3)
    Lead.objects.filter(pk=closed.pk).update(status="closed", closed_at=long_ago)
    Lead.objects.filter(pk=lost.pk).update(status="lost")
    told(agree(boss, ask(boss, "set_status", [fresh, closed, lost]), status="Closed "), boss)
    for lead in (fresh, closed, lost):
        lead.refresh_from_db()
    assert (closed.closed_at, closed.version) == (long_ago, 1)  # it was closed already
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
    told(agree(boss, ask(boss, "set_status", [fresh]), status="negotiation"), boss)
    fresh.refresh_from_db()
    assert (fresh.status, fresh.closed_at, fresh.version) == ("negotiation", None, 3)


def test_delete_and_restore(boss: Client, api: Api) -> None:
    leads = many(60)
    asked = ask(boss, "delete_softly", leads[:50], across=True)
    assert "Delete 60 leads?" in asked.content.decode()
    assert "60 leads were deleted" in told(agree(boss, asked), boss)
    assert api.get("/api/leads").json() == []
    assert api.get("/api/dashboard").json()["total_leads"] == 0
    asked = ask(boss, "restore", leads[:2], query="?deleted=1")
    assert "2 leads were restored" in told(agree(boss, asked, query="?deleted=1"), boss)
    assert {row["id"] for row in api.get("/api/leads").json()} == {leads[0].pk, leads[1].pk}
    assert [change.kind for change in LeadChange.objects.of_lead(leads[0].pk)] == ["restored", "deleted"]
    leads[0].refresh_from_db()
    assert leads[0].version == 3


def test_nothing_to_do_is_said(boss: Client) -> None:
    lead = make_lead()
    assert "nothing to restore" in told(ask(boss, "restore", [lead]), boss)


@pytest.mark.parametrize("meanwhile", ["came", "went", "swapped"])
def test_others_than_those_agreed_to_are_asked_about_again(boss: Client, meanwhile: str) -> None:
    leads = many(3)
    asked = ask(boss, "delete_softly", leads, across=True)
    if meanwhile in ("came", "swapped"):
        many(1)
    if meanwhile in ("went", "swapped"):
        Lead.objects.update_lead(leads[0].pk, {"is_active": False}, SOMEBODY)
    again = agree(boss, asked)
    html = again.content.decode()
    now = {"came": 4, "went": 2, "swapped": 3}[meanwhile]
    assert "Nothing was changed" in html
    assert f"Delete {now} leads?" in html
    assert Lead.objects.active().count() == now
    told(agree(boss, again), boss)
    assert Lead.objects.active().count() == 0


@pytest.mark.parametrize("agreed", ["", "x", "3", "3-", "-3-9", "9" * 40, "1-1\n", "٣-٩"])
def test_a_yes_to_nothing_is_asked_again(boss: Client, agreed: str) -> None:
    leads = many(3)
    reply = ask(boss, "delete_softly", leads, agreed=agreed)
    assert reply.status_code == 200
    assert Lead.objects.active().count() == 3


@pytest.mark.parametrize("ticked", ["x", "1.5", "-1", "9" * 19, "9" * 40, "", "1 OR 1=1", "١"])
@pytest.mark.parametrize("across", ["0", "1"])
def test_ids_that_are_none(boss: Client, ticked: str, across: str) -> None:
    make_lead()
    form = {"action": "delete_softly", "select_across": across, "index": "0", "_selected_action": [ticked]}
    assert "Nothing was done" in told(boss.post(LIST, form), boss)
    assert Lead.objects.active().count() == 1


@pytest.mark.parametrize("status", ["", "  ", "x" * 33, "a\0b"])
def test_a_bad_status(boss: Client, status: str) -> None:
    lead = make_lead()
    assert "Nothing was changed" in told(agree(boss, ask(boss, "set_status", [lead]), status=status), boss)
    lead.refresh_from_db()
    assert (lead.status, lead.version) == ("new", 1)


def test_more_than_a_request_should_change(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leads.back_office.actions.MAX", 2)
    leads = many(3)
    html = ask(boss, "delete_softly", leads).content.decode()
    assert "more than the 2 leads" in html
    pick = summarize(Lead.objects.all())
    assert ask(boss, "delete_softly", leads, agreed=f"{pick.size}-{pick.id_sum}").status_code == 200
    assert Lead.objects.active().count() == 3


@pytest.mark.parametrize("action", ["set_status", "delete_softly", "restore", "export", "merge"])
def test_who_may_only_look_may_do_nothing(action: str) -> None:
    lead = make_lead()
    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_lead"))
    browser = Client()
    browser.force_login(viewer)
    assert ask(browser, action, [lead], agreed=f"1-{lead.pk}", status="lost").status_code in (302, 403, 200)
    lead.refresh_from_db()
    assert (lead.version, lead.is_active) == (1, True)
    assert browser.get(f"{LIST}merge/?ids={lead.pk},{lead.pk + 1}").status_code == 403


def test_nobody_deletes_for_good(boss: Client) -> None:
    lead = make_lead()
    html = boss.get(LIST).content.decode()
    assert "delete_selected" not in html
    ask(boss, "delete_selected", [lead], post="yes")
    assert Lead.objects.filter(pk=lead.pk).exists()


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_export(boss: Client, tmp_path: Path, format: str) -> None:
    leads = many(60, source="Trade fair")
    many(2, source="website")
    asked = ask(boss, "export", leads[:50], across=True, query="?source=trade+fair")
    assert "Export 60 leads?" in asked.content.decode()
    reply = agree(boss, asked, query="?source=trade+fair", format=format)
    assert reply.status_code == 200
    assert f".{format}" in reply["Content-Disposition"]
    file = tmp_path / f"leads.{format}"
    file.write_bytes(b"".join(reply.streaming_content))
    assert {row["email"] for row in rows_of(file)} == {lead.email for lead in leads}


@pytest.mark.parametrize("format", ["", "pdf", "../x"])
def test_export_in_no_format(boss: Client, format: str) -> None:
    asked = ask(boss, "export", [make_lead()])
    assert "Nothing was exported" in told(agree(boss, asked, format=format), boss)


def test_what_cannot_be_exported_is_told(boss: Client) -> None:
    lead = make_lead(property_interest="a\ufffeb")
    reply = agree(boss, ask(boss, "export", [lead]), format="xlsx")
    assert "no workbook can hold" in told(reply, boss)


def test_the_number_of_statements_does_not_grow() -> None:
    costs = []
    for count in (2, 500):
        Lead.objects.all().delete()
        many(count)
        with statements() as run:
            assert Lead.objects.active().update_leads("status", "closed", SOMEBODY) == count
        # 1. the ids, their rows locked  2. the entries  3. the leads  4. the ids dropped
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


def test_a_pick_tells_two_choices_of_one_size_apart() -> None:
    first, second = many(2)
    agreed = summarize(Lead.objects.filter(pk=first.pk))
    assert agreed == Selection(1, first.pk)
    with pytest.raises(SelectionChanged):
        Lead.objects.filter(pk=second.pk).update_leads("status", "lost", SOMEBODY, agreed)
    assert summarize(Lead.objects.none()) == Selection(0, 0)
    assert not Lead.objects.in_status("lost").exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_change_the_same_leads_at_once(concurrent_db: None, api: Api) -> None:
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


def test_the_list_offers_all_that_match_without_a_number_it_does_not_know(boss: Client) -> None:
    many(60)
    html = boss.get(LIST).content.decode()
    assert "Select all that match" in html
    assert "Select all 60" not in html
