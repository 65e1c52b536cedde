"""Requests about an upload while another one reads it: they are answered at once, and no thread waits."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from leads.back_office import import_page
from leads.back_office.stored_files import ANOTHER_BEING_READ, BEING_READ, locked, one_at_a_time
from leads.models import ImportRun, Lead
from tests.admin.people import browser_of, make_person
from tests.admin.test_import_page import ADD, FILE, form, upload

pytestmark = pytest.mark.django_db
CLICKS = 8


def told(browser: Client, review: str, **fields: str) -> str:
    """What the page says once a form has been sent."""
    reply = browser.post(review, form(**fields), follow=True)
    assert reply.status_code == 200
    text: str = reply.content.decode()
    return text


@pytest.mark.parametrize("step", ["check", "import", "cancel"])
def test_a_file_that_another_request_reads(boss: Client, upload_dir: Path, step: str) -> None:
    review = upload(boss)
    (folder,) = upload_dir.iterdir()
    with locked(folder):
        assert BEING_READ in told(boss, review, **{step: "1"})
    assert not ImportRun.objects.exists()
    boss.post(review, form(**{"import": "1"}))
    assert Lead.objects.count() == 2


def test_a_file_while_another_one_is_read(boss: Client, upload_dir: Path) -> None:
    review = upload(boss)
    with one_at_a_time():
        assert ANOTHER_BEING_READ in told(boss, review, check="1")
        reply = boss.post(ADD, {"file": SimpleUploadedFile("fair.csv", FILE.encode())})
    assert ANOTHER_BEING_READ in reply.content.decode()
    assert len(list(upload_dir.iterdir())) == 1


def clicks(jobs: list[Callable[[], str]]) -> list[str]:
    """What came of jobs that run at the same time, each in a thread with a connection of its own."""

    def run(job: Callable[[], str]) -> str:
        try:
            return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("one_file", [True, False])
def test_clicks_on_preview_while_one_goes_on(
    concurrent_db: None, monkeypatch: pytest.MonkeyPatch, one_file: bool
) -> None:
    people = [browser_of("manager") for _ in range(CLICKS)]
    if one_file:  # in several tabs of one manager
        manager = make_person("manager")
        for person in people:
            person.force_login(manager)
    reviews = [upload(people[0])] * CLICKS if one_file else [upload(person) for person in people]
    look, begun, goes_on = import_page.look, threading.Event(), threading.Event()

    def slow_look(*args: Any) -> None:
        begun.set()
        assert goes_on.wait(60)
        look(*args)

    monkeypatch.setattr(import_page, "look", slow_look)

    def first() -> str:
        return told(people[0], reviews[0], check="1")

    def others() -> str:
        assert begun.wait(60)
        try:  # none of these ends before it is answered, and the first one goes on only then
            return " ".join(clicks([lambda p=p, r=r: told(p, r, check="1") for p, r in pairs]))
        finally:
            goes_on.set()

    pairs = list(zip(people[1:], reviews[1:], strict=True))
    own, answers = clicks([first, others])
    assert BEING_READ not in own
    assert answers.count(BEING_READ if one_file else ANOTHER_BEING_READ) == CLICKS - 1
