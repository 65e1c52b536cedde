"""Saved views of the list of leads."""

import re

import pytest
from django.test import Client

from leads.models import SavedView
from tests.admin.lists import names, page
from tests.admin.people import browser_of
from tests.admin.test_actions import LIST, follow
from tests.factories import make_lead
from tests.test_query_counts import statements
from users.models import User

pytestmark = pytest.mark.django_db


def shown(browser: Client, path: str = LIST) -> list[tuple[str, str]]:
    """Return the saved views in the sidebar of a page, and their counts."""
    sidebar = page(browser, path).split('id="nav-sidebar-apps"')[1].split("</nav>")[0]
    return re.findall(r">([^<>]+)</span> <span class=\"crm-count[^>]*>([^<]*)<", sidebar)


def save(browser: Client, query: str, name: str, **more: str) -> str:
    return follow(browser.post(f"{LIST}?{query}", {"_save_view": "1", "view_name": name, **more}), browser)


def test_it_works(boss: Client) -> None:
    me = User.objects.get(username="boss")
    make_lead(first_name="Ann", last_name="", owner_id=me.pk, status="new")
    make_lead(first_name="Bo", last_name="", tags="vip", phone="+1 555 687 0555")
    assert "View “Mine, new” saved." in save(boss, "owner=me&status=new&p=1", " Mine, new ")
    save(boss, "tag=VIP&o=-8", "VIPs", is_shared="on")
    save(boss, "q=(555)+687-0555", "Caller")
    assert shown(boss) == [("Caller", "1"), ("Mine, new", "1"), ("VIPs", "1")]
    view = SavedView.objects.get(name="Mine, new")
    assert view.query == "owner=me&status=new"
    html = page(boss, f"{LIST}?{view.query}")
    assert names(html) == ["Ann"]
    assert "Delete the view “Mine, new”" in html
    assert f'href="{LIST}?{view.query}" aria-current="page"'.replace("&", "&amp;") in html
    assert shown(browser_of("manager"), "/admin/") == [("VIPs", "1")]
    assert "View deleted." in follow(boss.post(LIST, {"_delete_view": str(view.pk)}), boss)
    assert shown(boss) == [("Caller", "1"), ("VIPs", "1")]


def test_the_same_name_replaces_ones_own(boss: Client) -> None:
    save(boss, "status=new", "It")
    save(boss, "status=lost", "It")
    assert SavedView.objects.get().query == "status=lost"


@pytest.mark.parametrize("name", ["", " ", "x" * 41, "\0"])
def test_bad_names(boss: Client, name: str) -> None:
    assert "Not saved: enter a name of at most 40 characters." in save(boss, "status=new", name)
    assert not SavedView.objects.exists()


def test_nobody_deletes_the_views_of_others(boss: Client) -> None:
    save(boss, "status=new", "It", is_shared="on")
    other = browser_of("superuser")
    for given in (str(SavedView.objects.get().pk), "x", "9" * 18):
        assert "There is no such view." in follow(other.post(LIST, {"_delete_view": given}), other)
    assert SavedView.objects.count() == 1


def test_a_view_of_a_filter_that_is_wrong_finds_nothing(boss: Client) -> None:
    user = User.objects.get(username="boss")
    SavedView.objects.create(user=user, name="Wrong", query="owner=nobody&min_budget=lots&deleted=1")
    assert shown(boss) == [("Wrong", "0")]


def test_as_many_statements_for_many_views(boss: Client) -> None:
    user, costs = User.objects.get(username="boss"), []
    page(boss, LIST)
    for number in (1, 20):
        for place in range(number):
            SavedView.objects.create(user=user, name=f"{number} {place}", query=f"q=a{place}&status=new&deleted=")
        with statements() as run:
            page(boss, LIST)
        costs.append(len(run))
    assert costs[0] == costs[1]
