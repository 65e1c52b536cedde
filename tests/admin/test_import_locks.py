"""Requests about an upload that another request reads: they are rejected at once, and no thread waits."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from leads.back_office import import_page
from leads.back_office.stored_files import BEING_READ, single_reader
from leads.models import ImportRun, ImportUpload, Lead
from tests.admin.people import browser_of, make_person
from tests.admin.test_import_page import ADD, FILE, form, upload
from tests.stored import stored_files

pytestmark = pytest.mark.django_db
CLICKS = 8


def submit(browser: Client, review: str, **fields: str) -> str:
    """Submit the form of a preview; return the page."""
    reply = browser.post(review, form(**fields), follow=True)
    assert reply.status_code == 200
    text: str = reply.content.decode()
    return text


def test_a_file_in_another_request(boss: Client) -> None:
    review = upload(boss)
    with single_reader():
        for step in ("check", "import"):
            assert BEING_READ in submit(boss, review, **{step: "1"})
        reply = boss.post(ADD, {"file": SimpleUploadedFile("fair.csv", FILE.encode())})
        assert BEING_READ in reply.content.decode()
    assert (ImportUpload.objects.count(), ImportRun.objects.count()) == (1, 0)
    boss.post(review, form(**{"import": "1"}))
    assert Lead.objects.count() == 2


def test_a_file_that_is_cancelled_while_it_is_read(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    review = upload(boss)
    preview = import_page.preview

    def cancelled_meanwhile(*args: Any) -> Any:
        boss.post(review, form(cancel="1"))
        return preview(*args)

    monkeypatch.setattr(import_page, "preview", cancelled_meanwhile)
    assert "The file was removed" in submit(boss, review, check="1")
    assert (ImportUpload.objects.count(), stored_files()) == (0, [])


def clicks(jobs: list[Callable[[], str]]) -> list[str]:
    """Return the results of concurrent jobs, each in a thread with its own connection."""

    def run(job: Callable[[], str]) -> str:
        try:
            return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("one_file", [True, False])
def test_concurrent_previews(concurrent_db: None, monkeypatch: pytest.MonkeyPatch, one_file: bool) -> None:
    people = [browser_of("manager") for _ in range(CLICKS)]
    if one_file:  # in several tabs of one manager
        manager = make_person("manager")
        for person in people:
            person.force_login(manager)
    reviews = [upload(people[0])] * CLICKS if one_file else [upload(person) for person in people]
    preview, started, resume = import_page.preview, threading.Event(), threading.Event()

    def slow_preview(*args: Any) -> Any:
        started.set()
        assert resume.wait(60)
        return preview(*args)

    monkeypatch.setattr(import_page, "preview", slow_preview)

    def first() -> str:
        return submit(people[0], reviews[0], check="1")

    def others() -> str:
        assert started.wait(60)
        try:  # the first one resumes after these were answered
            return " ".join(clicks([lambda p=p, r=r: submit(p, r, check="1") for p, r in pairs]))
        finally:
            resume.set()

    pairs = list(zip(people[1:], reviews[1:], strict=True))
    reply, others_replies = clicks([first, others])
    assert BEING_READ not in reply
    assert others_replies.count(BEING_READ) == CLICKS - 1
