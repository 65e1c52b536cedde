"""Erasure of a person while others write to the same rows: complete and consistent."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client

from leads.importing.undo import undo
from leads.models import ImportRun, Lead, LeadChange
from maintenance.privacy import erase as erasure
from tests.admin.people import browser_of, make_person
from tests.concurrency import shared_database, together
from tests.factories import lead_row, make_lead, make_user
from tests.maintenance.test_privacy import EMAIL, everything, file_of, run
from tests.maintenance.test_privacy_pages import ERASE, FIELD
from users.audit import Actor, Channel

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shared(tmp_path: Path, db: None) -> Iterator[None]:
    """A database that threads share."""
    with shared_database(tmp_path):
        yield


def agreed_by(browser: Client) -> dict[str, str]:
    """Return the fields of the confirmation page, with the address entered again."""
    asked = browser.post(ERASE, {"email": EMAIL}).content.decode()
    return {**dict(FIELD.findall(asked)), "typed": EMAIL}


def test_three_clicks_erase_once() -> None:
    lead = make_lead(email=EMAIL)
    browsers, manager = [Client() for _ in range(3)], make_person("manager")
    for browser in browsers:
        browser.force_login(manager)
    forms = [agreed_by(browser) for browser in browsers]
    replies = together(*(lambda b=b, f=f: b.post(ERASE, f) for b, f in zip(browsers, forms, strict=True)))
    assert sorted(reply.status_code for reply in replies) == [200, 200, 302]
    lead.refresh_from_db()
    assert (lead.email, lead.version) == ("", 2)
    assert [entry.kind for entry in LeadChange.objects.of_lead(lead.pk)] == ["deleted"]


def test_what_is_agreed_to_is_those_rows_and_no_others() -> None:
    lead = make_lead(email=EMAIL)
    browser = browser_of("manager")
    form = agreed_by(browser)
    Lead.objects.filter(pk=lead.pk).update(email="b@example.com", email_key="b@example.com")
    other = make_lead(email=EMAIL)
    assert "have changed meanwhile" in browser.post(ERASE, form).content.decode()
    other.refresh_from_db()
    assert (other.is_active, other.email) == (True, EMAIL)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's one writer lets nobody in between")
def test_a_lead_that_becomes_theirs_while_they_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    make_lead(email=EMAIL)
    late = make_lead(email="b@example.com")
    looked: list[Any] = []
    person = erasure.find_subject

    def slow(email: str) -> Any:
        subject = person(email)
        if not looked:
            together(lambda: Lead.objects.filter(pk=late.pk).update(email=EMAIL, email_key=EMAIL.lower()))
        looked.append(subject)
        return subject

    monkeypatch.setattr(erasure, "find_subject", slow)
    counts, _ = erasure.erase(EMAIL, Actor.operator())
    assert counts["leads"] == 2
    assert not Lead.objects.exclude(email="").exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's one writer lets nobody in between")
def test_an_undo_is_waited_for(tmp_path: Path) -> None:
    """Both lock leads, in different orders."""
    run("import_leads", file_of(tmp_path, f"First name,Email\nZerelda,{EMAIL}\n", "a.csv"))
    make_user(username="agent-2")
    account = ImportRun.objects.get().pk
    with transaction.atomic():
        undo(account, Actor.operator())

        def impatient() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = 200")
                erasure.erase(EMAIL, Actor.operator())

        with pytest.raises(OperationalError, match="lock timeout"):
            together(impatient)
    assert erasure.erase(EMAIL, Actor.operator()).counts["leads"] == 1


def test_a_lead_that_is_stored_after_its_author_is_erased() -> None:
    """By a request that was authenticated before."""
    actor = Actor.of(make_user(email=EMAIL, first_name="Zerelda"), Channel.API)
    row = {"status": "new", "source": "x", "budget_min": None, "budget_max": None, "property_interest": None}
    for _ in range(2):
        Lead.objects.create_lead({**row, **lead_row()}, actor)
        erasure.erase(EMAIL, Actor.operator())
    assert list(Lead.objects.values_list("created_by__name", flat=True)) == [f"erased-{actor.user_id}"] * 2
    assert "zerelda" not in everything()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no locks of rows")
def test_leads_are_locked_in_the_order_in_which_everybody_locks_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if a lead with a lower id becomes the person's while another transaction has it locked and waits."""
    late, theirs = make_lead(email="b@example.com"), make_lead(email=EMAIL)
    person, looks, locked, go_on = erasure.find_subject, [0], threading.Event(), threading.Event()

    def merging() -> None:
        with transaction.atomic():
            Lead.objects.locked_keys([late.pk])
            locked.set()
            assert go_on.wait(30)
            Lead.objects.locked_keys([theirs.pk])

    def look(email: str) -> Any:
        subject = person(email)
        looks[0] += 1
        if looks[0] == 1:
            together(lambda: Lead.objects.filter(pk=late.pk).update(email=EMAIL, email_key=EMAIL.lower()))
            other.append(pool.submit(together, merging))
            assert locked.wait(30)
        elif looks[0] == 2:
            go_on.set()
        return subject

    other: list[Future[Any]] = []
    monkeypatch.setattr(erasure, "find_subject", look)
    with ThreadPoolExecutor(1) as pool:
        assert erasure.erase(EMAIL, Actor.operator()).counts["leads"] == 2
    assert other[0].exception() is None
