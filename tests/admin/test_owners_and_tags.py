"""Owners and tags in the back office: the lead's page, the list, bulk edits and their undoing."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from leads.admin import LeadAdmin
from leads.back_office import listing
from leads.models import Lead, LeadChange
from tests.admin.lead_forms import open_form
from tests.admin.lists import names, page
from tests.admin.test_actions import LIST, confirm, follow, start
from tests.factories import SOMEBODY, make_activity, make_lead, make_user
from users.models import User

pytestmark = pytest.mark.django_db


def values(*leads: Lead) -> list[tuple[Any, str]]:
    stored = Lead.objects.in_bulk([lead.pk for lead in leads])
    return [(stored[lead.pk].owner_id, stored[lead.pk].tags) for lead in leads]


def test_the_page_of_a_lead(boss: Client, agent: User) -> None:
    lead, path = make_lead(), "/admin/leads/lead/{}/change/"
    gone = make_user(username="gone", is_active=False)
    form = open_form(boss, path.format(lead.pk))
    assert (form["owner"], form["tags"]) == ("", "")
    reply = boss.post(path.format(lead.pk), {**form, "owner": str(agent.pk), "tags": " VIP; hot, vip"})
    assert reply.status_code == 302
    assert values(lead) == [(agent.pk, "VIP, hot")]
    html = boss.get(path.format(lead.pk)).content.decode()
    assert f"Owner: {agent.name}" in html
    assert '<span class="lead-tag">VIP</span>' in html
    assert f"{agent.name}" in html[html.index('id="history"') :]
    form = open_form(boss, path.format(lead.pk))
    for wrong in ({"owner": str(gone.pk)}, {"owner": "x"}, {"tags": "x" * 51}):
        assert boss.post(path.format(lead.pk), {**form, **wrong}).status_code == 200
    assert boss.post(path.format(lead.pk), {**form, "owner": "", "tags": ""}).status_code == 302
    assert values(lead) == [(None, "")]


def test_a_conflict_names_the_owner(boss: Client, agent: User) -> None:
    lead = make_lead()
    form = open_form(boss, f"/admin/leads/lead/{lead.pk}/change/")
    Lead.objects.update_lead(lead.pk, {"owner_id": agent.pk, "tags": "hot"}, SOMEBODY)
    reply = boss.post(f"/admin/leads/lead/{lead.pk}/change/", {**form, "tags": "cold"})
    html = reply.content.decode()
    assert f"Owner from — to {agent.name}" in html
    assert "Current value: hot" in html


def test_filters_and_the_column(boss: Client, agent: User) -> None:
    me = User.objects.get(username="boss")
    for name, fields in (
        ("Ann", {"owner_id": me.pk, "tags": "VIP, hot"}),
        ("Bo", {"owner_id": agent.pk, "tags": "vip"}),
        ("Cy", {}),
    ):
        make_lead(first_name=name, last_name="", **fields)
    for query, found in (
        ("owner=me", ["Ann"]),
        ("owner=none", ["Cy"]),
        (f"owner={agent.pk}", ["Bo"]),
        ("tag=Vip", ["Bo", "Ann"]),
        ("tag=vip,+hot", ["Ann"]),
        ("owner=x", []),
    ):
        assert names(page(boss, f"{LIST}?{query}")) == found, query
    html = page(boss, LIST)
    assert agent.name in html
    assert "VIP, hot" in html


def test_owners_of_many(boss: Client, agent: User) -> None:
    leads = [make_lead() for _ in range(3)]
    html = follow(confirm(boss, start(boss, "set_owner", leads), owner=str(agent.pk)), boss)
    assert "3 leads updated." in html
    assert {owner for owner, _ in values(*leads)} == {agent.pk}
    assert "choose an active user" in follow(confirm(boss, start(boss, "set_owner", leads), owner="x"), boss)
    follow(confirm(boss, start(boss, "set_owner", leads), owner=""), boss)
    assert {owner for owner, _ in values(*leads)} == {None}


def test_leads_are_dealt_out_to_those_who_are_no_managers(boss: Client, agent: User) -> None:
    other, leads = make_user(), [make_lead() for _ in range(5)]
    asked = start(boss, "deal_out", leads)
    chosen = [part.split('"')[0] for part in asked.content.decode().split('name="owners" value="')[1:]]
    ticked = [pk for pk in chosen if f'value="{pk}" checked' in asked.content.decode()]
    assert {*ticked} == {str(agent.pk), str(other.pk)}
    html = follow(confirm(boss, asked, owners=ticked), boss)  # type: ignore[arg-type]
    assert "5 leads dealt out." in html
    owners = sorted(str(owner) for owner, _ in values(*leads))
    assert sorted(owners.count(pk) for pk in ticked) == [2, 3]


def test_tags_and_source_of_many(boss: Client) -> None:
    leads = [make_lead(tags="old"), make_lead(tags="VIP")]
    html = follow(confirm(boss, start(boss, "change_tags", leads), add="vip", remove="OLD"), boss)
    assert "1 lead updated, 1 stayed unchanged." in html
    assert [tags for _, tags in values(*leads)] == ["vip", "VIP"]
    wrong = confirm(boss, start(boss, "change_tags", leads), add="x" * 51, remove="")
    assert "Not changed: String should have at most 50 characters." in follow(wrong, boss)
    follow(confirm(boss, start(boss, "set_source", leads), source="Fair"), boss)
    assert set(Lead.objects.values_list("source", "source_key")) == {("Fair", "fair")}


def undo(browser: Client) -> str:
    return follow(browser.post(LIST, {"_undo_edit": "1"}), browser)


def test_the_last_edit_is_undone(boss: Client, agent: User) -> None:
    long_ago = timezone.now() - timedelta(days=90)
    leads = [make_lead(tags=tags, owner_id=agent.pk) for tags in ("", "old", "hot")]
    Lead.objects.filter(pk=leads[0].pk).update(status="closed", closed_at=long_ago, created_at=long_ago)
    follow(confirm(boss, start(boss, "set_owner", leads), owner=""), boss)
    assert "3 leads updated" in page(boss, LIST)
    assert "Undone: 3 leads restored." in undo(boss)
    assert {owner for owner, _ in values(*leads)} == {agent.pk}
    assert "There is no change to undo." in undo(boss)
    follow(confirm(boss, start(boss, "change_tags", leads), add="hot", remove="old"), boss)
    Lead.objects.update_lead(leads[1].pk, {"tags": "warm"}, SOMEBODY)
    assert "Undone: 1 lead restored, 1 lead changed since stay as they are." in undo(boss)
    assert [tags for _, tags in values(*leads)] == ["", "warm", "hot"]
    follow(confirm(boss, start(boss, "set_status", leads), status="lost"), boss)
    undo(boss)
    lead = Lead.objects.get(pk=leads[0].pk)
    assert (lead.status, lead.closed_at) == ("closed", long_ago)
    follow(confirm(boss, start(boss, "set_source", leads), source="Fair"), boss)
    undo(boss)
    assert set(Lead.objects.values_list("source_key", flat=True)) == {"website"}
    follow(confirm(boss, start(boss, "delete_softly", leads)), boss)
    undo(boss)
    assert Lead.objects.active().count() == 3
    assert set(LeadChange.objects.order_by("-pk")[:3].values_list("kind", flat=True)) == {"restored"}


def test_filters_in_use_are_removed_one_by_one(boss: Client, agent: User) -> None:
    html = page(boss, f"{LIST}?owner={agent.pk}&status=new&tag=vip&min_budget=5&q=ann&source=nowhere")
    chips = html[html.index('class="crm-chips"') :].split("</ul>")[0]
    for text in (
        f"Owner: {agent.name}",
        "Status: New",
        "Tags: vip",
        "Budget from ($): 5",
        "Search: ann",
        "Source: nowhere",
    ):
        assert text in chips
    links = [part.split('"')[0].replace("&amp;", "&") for part in chips.split('<a href="')[1:]]
    assert len(links) == 7
    names_left = [{part.split("=")[0] for part in link.lstrip("?").split("&")} for link in links[:-1]]
    everything = {"owner", "status", "tag", "min_budget", "q", "source"}
    assert [everything - left for left in names_left] == [
        {"status"},
        {"source"},
        {"owner"},
        {"tag"},
        {"min_budget"},
        {"q"},
    ]
    assert links[-1] == "?"
    assert 'class="crm-chips"' not in page(boss, LIST)


@pytest.mark.parametrize(
    ("column", "ascending", "descending"),
    [
        ("name", ["Ann", "Bo", "Cy"], ["Cy", "Bo", "Ann"]),
        ("budget", ["Cy", "Ann", "Bo"], ["Ann", "Cy", "Bo"]),
        ("state", ["Bo", "Cy", "Ann"], ["Ann", "Cy", "Bo"]),
        ("last_activity", ["Bo", "Ann", "Cy"], ["Ann", "Bo", "Cy"]),
        ("created", ["Ann", "Bo", "Cy"], ["Cy", "Bo", "Ann"]),
    ],
)
def test_sorting(
    boss: Client, agent: User, monkeypatch: pytest.MonkeyPatch, column: str, ascending: list[str], descending: list[str]
) -> None:
    for name, status, budget, day in (
        ("Ann", "new", 9, "2026-02-01"),
        ("Bo", "closed", None, "2026-01-01"),
        ("Cy", "contacted", 5, ""),
    ):
        lead = make_lead(first_name=name, last_name="", status=status, budget_max=budget)
        if day:
            make_activity(lead, agent, activity_date=day)
            make_activity(lead, agent, activity_date="2999-01-01")
    place = [shown.__name__ for shown in LeadAdmin.list_display].index(column) + 1
    assert names(page(boss, f"{LIST}?o={place}")) == ascending
    assert names(page(boss, f"{LIST}?o=-{place}")) == descending
    monkeypatch.setattr(listing, "MAX_SORTED", 2)
    text = page(boss, f"{LIST}?o={place}")
    assert ("More than 2 leads cannot be sorted that way" in text) == (column in listing.UNINDEXED)
