"""A person's data in the back office: shown, downloaded and erased by managers."""

import html
import json
import re
from itertools import product
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from activities.models import Activity
from leads.models import Lead
from tests.admin.people import browser_of, make_person
from tests.conftest import Case
from tests.factories import make_activity, make_lead, make_user
from users.audit import AccountEvent, log_account_event
from users.models import User

pytestmark = pytest.mark.django_db

PAGE, DOWNLOAD, ERASE = (f"/admin/personal-data/{step}" for step in ("", "download/", "erase/"))
EMAIL = "Zerelda.Quux@Example.com"
FIELD = re.compile(r'name="(email|agreed)" value="([^"]*)"')


@pytest.fixture
def manager() -> Client:
    """Return a manager's browser."""
    return browser_of("manager")


@pytest.fixture
def lead(agent: User) -> Lead:
    """Return a lead with an activity, and a deleted one of the same address."""
    lead = make_lead(first_name="Zerelda", last_name="Quux", email=EMAIL, phone="+44 7700 900-123")
    make_activity(lead, agent, title="Call with Zerelda")
    make_lead(first_name="Zerelda", email=EMAIL.lower(), is_active=False)
    return lead


def text_of(reply: Any) -> str:
    """Return the text of a page."""
    assert reply.status_code == 200
    main = reply.content.decode().partition('<div class="import')[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def agreeing(browser: Client, email: str = EMAIL) -> dict[str, str]:
    """Return the fields of the confirmation page."""
    reply = browser.post(ERASE, {"email": email})
    assert Lead.objects.filter(email=EMAIL).exists()  # asking changes nothing
    return {name: html.unescape(value) for name, value in FIELD.findall(reply.content.decode())}


def test_it_shows_how_much_is_stored_and_about_what(manager: Client, lead: Lead) -> None:
    shown = text_of(manager.post(PAGE, {"email": f" {EMAIL.upper()} "}))
    assert "Leads 2" in shown
    assert "Activities 1" in shown
    assert f"Zerelda Quux lead {lead.pk} " in shown
    assert "deleted" in shown
    assert "Users" not in shown.partition("Stored data")[2].partition("Download")[0]


def test_all_that_is_counted_of_an_agent(manager: Client, agent: User, lead: Lead) -> None:
    shown = text_of(manager.post(PAGE, {"email": agent.email}))
    assert f"the account {agent.username}" in shown
    assert "Users 1" in shown
    assert "Activities signed 1" in shown


def test_an_address_without_data(manager: Client) -> None:
    shown = text_of(manager.post(PAGE, {"email": "nobody@example.com"}))
    assert "No data found." in shown
    assert "Erase …" not in shown
    assert "No data found" in text_of(manager.post(ERASE, {"email": "nobody@example.com"}))


def test_what_is_no_address(manager: Client, lead: Lead, case: Case) -> None:
    for email, path in product(
        ["", "no address", "a@b", "x" * 400 + "@example.com", "a\0@example.com"], [PAGE, DOWNLOAD, ERASE]
    ):
        with case(email, path):
            reply = manager.post(path, {"email": email, "typed": email})
            assert 'class="import-note is-bad"' in reply.content.decode()
            assert Lead.objects.filter(email=EMAIL, is_active=True).exists()


def test_the_download_is_what_the_command_prints(manager: Client, lead: Lead) -> None:
    reply = manager.post(DOWNLOAD, {"email": EMAIL})
    found = json.loads(b"".join(reply))  # type: ignore[arg-type]
    assert {lead["first_name"] for lead in found["leads"]} == {"Zerelda"}
    assert [activity["title"] for activity in found["activities"]] == ["Call with Zerelda"]
    assert reply["Content-Disposition"] == 'attachment; filename="personal-data.json"'
    assert "no-store" in reply["Cache-Control"]


def test_erasing_takes_the_address_typed_once_more(manager: Client, lead: Lead) -> None:
    asked = text_of(manager.post(ERASE, {"email": EMAIL}))
    assert "Leads 2" in asked
    assert "Activities 1" in asked
    fields = agreeing(manager)
    for typed in ("", "yes", "zerelda.quux@example.co"):
        assert "Nothing was erased" in text_of(manager.post(ERASE, {**fields, "typed": typed}))
        assert Lead.objects.filter(email=EMAIL, is_active=True).exists()
    reply = manager.post(ERASE, {**fields, "typed": f" {EMAIL.lower()} "}, follow=True)
    assert "Erased permanently: 2 leads" in html.unescape(reply.content.decode())
    lead.refresh_from_db()
    assert (lead.first_name, lead.email, lead.is_active) == ("", "", False)
    assert [activity.title for activity in Activity.objects.all()] == ["erased"]
    assert "No data found" in text_of(manager.post(PAGE, {"email": EMAIL}))


def test_what_came_in_since_the_page_is_asked_about_again(manager: Client, lead: Lead) -> None:
    fields = agreeing(manager)
    make_lead(email=EMAIL, first_name="Newly")
    reply = manager.post(ERASE, {**fields, "typed": EMAIL})
    assert "Nothing was erased: review and confirm again." in text_of(reply)
    assert "Leads 3" in text_of(reply)
    assert Lead.objects.filter(first_name="Newly", is_active=True).exists()
    assert "Nothing was erased" in text_of(manager.post(ERASE, {"email": EMAIL, "typed": EMAIL}))  # no confirmation


def test_a_second_click_erases_nothing_more(manager: Client, lead: Lead) -> None:
    fields = agreeing(manager)
    manager.post(ERASE, {**fields, "typed": EMAIL})
    assert "No data found" in text_of(manager.post(ERASE, {**fields, "typed": EMAIL}))


def test_a_person_who_is_known_by_phone_only(manager: Client, lead: Lead, agent: User) -> None:
    """Leads with an address as well, and accounts, are found by the address."""
    caller = make_lead(first_name="Pia", last_name="Phone", email="", phone="+44 7700 900123")
    make_activity(caller, agent, title="Call with Pia")
    other = log_account_event("changed", actor=None, target=None, channel="cli")
    shown = text_of(manager.post(PAGE, {"email": "+44 (7700) 900-123"}))
    assert "Leads 1" in shown
    assert "Activities 1" in shown
    assert f"Pia Phone lead {caller.pk}" in shown
    assert "former use" not in shown.lower()
    found = json.loads(b"".join(manager.post(DOWNLOAD, {"email": "+44 7700 900123"})))  # type: ignore[arg-type]
    assert (found["phone"], [lead["id"] for lead in found["leads"]]) == ("+44 7700 900123", [caller.pk])
    fields = agreeing(manager, "+447700900123")
    assert "Nothing was erased" in text_of(manager.post(ERASE, {**fields, "typed": "+44 7700 900124"}))
    manager.post(ERASE, {**fields, "typed": "+44 7700 900123"})
    caller.refresh_from_db()
    lead.refresh_from_db()
    assert (caller.first_name, caller.phone, caller.is_active) == ("", "", False)
    assert (lead.first_name, lead.is_active) == ("Zerelda", True)
    assert AccountEvent.objects.get(pk=other.pk).target_name == ""
    assert "No data found" in text_of(manager.post(PAGE, {"email": "+44 7700 900123"}))


def erase(browser: Client, email: str) -> str:
    """Return the text of the page after requests that erase the person with that address."""
    for agreed in ("", "0-0-0-0-0-0-0-0", agreeing(browser, email).get("agreed", "")):
        reply = browser.post(ERASE, {"email": email, "agreed": agreed, "typed": email}, follow=True)
    return text_of(reply)


def test_nobody_erases_themselves(lead: Lead) -> None:
    for kind in ("manager", "superuser"):
        me = make_person(kind)
        browser = Client()
        browser.force_login(me)
        shown = text_of(browser.post(PAGE, {"email": me.email}))
        assert "You cannot erase yourself." in shown
        assert "Erase …" not in shown
        assert "You cannot erase yourself." in erase(browser, me.email)
        me.refresh_from_db()
        assert me.is_active
        assert me.email


@pytest.mark.parametrize("is_active", [True, False])
def test_a_manager_erases_no_superuser(manager: Client, lead: Lead, is_active: bool) -> None:
    above = make_user(is_staff=True, is_superuser=True, is_active=is_active)
    assert "may do more than you" in text_of(manager.post(PAGE, {"email": above.email}))
    assert "may do more than you" in erase(manager, above.email)
    above.refresh_from_db()
    assert (above.is_superuser, above.is_active, bool(above.email)) == (True, is_active, True)


def test_managers_erase_agents_and_superusers_managers(manager: Client, agent: User, lead: Lead) -> None:
    other = make_person("manager")
    for browser, user in ((manager, agent), (browser_of("superuser"), other)):
        assert "account" in erase(browser, user.email)
        user.refresh_from_db()
        assert (user.username, user.email, user.is_active) == (f"erased-{user.pk}", "", False)


def test_the_log_names_both_and_no_address(manager: Client, lead: Lead, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="crm"):
        assert b"Zerelda" in b"".join(manager.post(DOWNLOAD, {"email": EMAIL}))  # type: ignore[arg-type]
        manager.post(ERASE, {**agreeing(manager), "typed": EMAIL})
    events = {str(record.msg): vars(record)["facts"] for record in caplog.records if "facts" in vars(record)}
    assert events["person_exported"] == {"leads": 2, "users": 0}
    assert events["person_erased"] == {"leads": 2, "activities": 1, "users": 0}
    assert "quux" not in caplog.text.lower()


def test_no_address_gets_into_a_url(manager: Client, lead: Lead) -> None:
    shown = "".join(manager.post(path, {"email": EMAIL}).content.decode() for path in (PAGE, ERASE))
    assert [link for link in re.findall(r'(?:href|action)="([^"]*)"', shown) if "quux" in link.lower()] == []
    assert 'method="get"' not in shown.partition('<div class="import')[2].partition("</main>")[0]
    asked = manager.get(PAGE, {"email": EMAIL}).content.decode()
    assert "Zerelda" not in asked
    assert "quux" not in asked.lower()


@pytest.mark.parametrize(("kind", "offered"), [("staff", False), ("manager", True), ("superuser", True)])
def test_the_sidebar_has_it_for_those_who_may(kind: str, offered: bool) -> None:
    page = browser_of(kind).get("/admin/").content.decode()
    assert (f'href="{reverse("admin:personal_data")}"' in page) == offered


def test_every_step_wants_its_csrf_token(lead: Lead) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_person("manager"))
    for path in (PAGE, DOWNLOAD, ERASE):
        assert browser.post(path, {"email": EMAIL, "typed": EMAIL}).status_code == 403
    assert Lead.objects.filter(email=EMAIL, is_active=True).exists()
