"""The search for leads on every page of the back office."""

import re
from html import unescape

import pytest
from django.test import Client

from tests.admin.lead_forms import open_form
from tests.admin.lists import names, page
from tests.admin.people import browser_of
from tests.conftest import Case
from tests.factories import make_lead

pytestmark = pytest.mark.django_db

FIND, LIST = "/admin/leads/lead/find/", "/admin/leads/lead/"


def test_it_works(boss: Client) -> None:
    grace = make_lead(first_name="Grace", last_name="Silva", phone="+1 555 687 0555")
    make_lead(first_name="Ann", last_name="Silva")
    make_lead(first_name="Gone", last_name="Person", is_active=False)
    for path in ("/admin/", LIST, "/admin/activities/activity/", "/admin/users/user/", f"{LIST}{grace.pk}/change/"):
        assert f'role="search" action="{FIND}"' in page(boss, path), path
    for only in ("(555) 687-0555", " Silva, Grace ", "grace"):
        assert boss.get(FIND, {"q": only}).headers["Location"] == f"{LIST}{grace.pk}/change/"
    for several, found in {"silva": ["Ann Silva", "Grace Silva"], "gone": [], "": ["Ann Silva", "Grace Silva"]}.items():
        text = boss.get(FIND, {"q": several}, follow=True).content.decode()
        assert names(text) == found
        assert text.count(" autofocus") == bool(several and found)  # on the first lead that was found


def test_errors(boss: Client) -> None:
    for given in ("\0", "a" * 5000, "%", "?&q=1"):
        assert boss.get(FIND, {"q": given}, follow=True).status_code == 200


def test_who_may_not_view_leads_has_no_search() -> None:
    browser = browser_of("without rights")
    assert 'role="search"' not in page(browser, "/admin/")
    assert browser.get(FIND, {"q": "a"}).status_code == 403


def test_who_is_not_found_is_added_without_typing_it_again(boss: Client, case: Case) -> None:
    make_lead(first_name="Ann", last_name="Silva")
    for given, filled in {
        "+1 (555) 687-0555": {"phone": "+1 (555) 687-0555"},
        " zoe@example.com ": {"email": "zoe@example.com"},
        "Zoe  de Lima": {"first_name": "Zoe", "last_name": "de Lima"},
        "Lima, Zoe": {"first_name": "Zoe", "last_name": "Lima"},
        "🏠 ليلى": {"first_name": "🏠", "last_name": "ليلى"},
        "": {},
        "a\0": {},
        "z" * 1001: {},
    }.items():
        with case(given):
            text = boss.get(FIND, {"q": given}, follow=True).content.decode()
            [link] = set(re.findall(r'href="(/admin/leads/lead/add/[^"]*)"', text))
            form = open_form(boss, unescape(link))
            names = ("first_name", "last_name", "email", "phone")
            assert {name: form[name] for name in names if form[name]} == filled
