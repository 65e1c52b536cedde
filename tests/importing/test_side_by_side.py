"""Imports at the same time on PostgreSQL: which of them wait, and that none misses the leads of another."""

import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from crm_project.db import locks
from crm_project.db.locks import Lock
from leads.importing import pipeline, runs
from leads.importing.file_import import FileImport
from leads.models import Lead
from tests.admin.people import browser_of
from tests.admin.test_import_page import form, upload
from tests.concurrency import together
from tests.factories import make_lead
from tests.importing.command import counts, import_leads, write_csv

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time"),
]

ADA, BOB, CLEO = (f"{name},King,{name}@example.com,,new" for name in ("Ada", "Bob", "Cleo"))


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Run a job, from its beginning to its end, when the next import has loaded its rows and has not ended."""
    load = FileImport.load

    def arrange(job: Callable[[], Any]) -> None:
        def loading(file: FileImport) -> None:
            load(file)
            monkeypatch.setattr(FileImport, "load", load)
            together(job)

        monkeypatch.setattr(FileImport, "load", loading)

    return arrange


@pytest.mark.parametrize(("action", "code"), [("skip", 0), ("error", 3)])
def test_the_second_to_end_finds_the_duplicates_of_the_first(
    tmp_path: Path, meanwhile: Callable[..., None], action: str, code: int
) -> None:
    first = write_csv(tmp_path, ADA, BOB, name="first.csv")
    second = write_csv(tmp_path, BOB, CLEO, name="second.csv")
    meanwhile(lambda: import_leads(first, "--on-duplicate", "skip"))
    report = import_leads(second, "--on-duplicate", action, "--on-error", "skip", code=code)
    assert counts(report) == ((2, 1, 0, 1, 0) if action == "skip" else (2, 1, 0, 0, 1))
    assert sorted(Lead.objects.values_list("first_name", flat=True)) == ["Ada", "Bob", "Cleo"]


def test_it_skips_a_lead_that_stays_after_two_imports_at_once(tmp_path: Path, meanwhile: Callable[..., None]) -> None:
    stored = make_lead(email="bob@example.com", first_name="Bob")
    first, second = write_csv(tmp_path, ADA, BOB, name="first.csv"), write_csv(tmp_path, BOB, CLEO, name="second.csv")
    meanwhile(lambda: import_leads(first, "--on-duplicate", "skip"))
    report = import_leads(second, "--on-duplicate", "skip")
    assert [row["lead_id"] for row in report["skipped_rows"]] == [stored.pk]
    assert Lead.objects.count() == 3


def test_the_rows_that_look_like_those_of_the_first_are_counted(tmp_path: Path, meanwhile: Callable[..., None]) -> None:
    first, second = write_csv(tmp_path, ADA, BOB, name="first.csv"), write_csv(tmp_path, BOB, CLEO, name="second.csv")
    meanwhile(lambda: import_leads(first))
    assert "1 of 2 rows looks like an existing lead (--on-duplicate decides)" in import_leads(second)["notes"]
    assert Lead.objects.count() == 4


@pytest.fixture
def with_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import small files as large ones."""
    monkeypatch.setattr(pipeline, "AHEAD", 0)
    monkeypatch.setattr("threading.active_count", lambda: 1)


@pytest.mark.usefixtures("with_two_processes")
@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_a_large_file_is_compared_while_it_is_stored(tmp_path: Path, arguments: list[str]) -> None:
    make_lead(email="ada@example.com", first_name="Ada", last_name="King")
    make_lead(email="bob@example.com", first_name="Robert")
    path = write_csv(tmp_path, ADA, BOB, CLEO, CLEO)
    with mock.patch("leads.importing.file_import.count_lookalikes", side_effect=AssertionError):
        report = import_leads(path, *arguments)
    assert "1 of 4 rows looks like an existing lead (--on-duplicate decides)" in report["notes"]
    assert Lead.objects.count() == (2 if arguments else 6)


@pytest.mark.usefixtures("with_two_processes")
def test_a_large_file_is_also_compared_with_those_stored_meanwhile(
    tmp_path: Path, meanwhile: Callable[..., None]
) -> None:
    make_lead(email="ada@example.com", first_name="Ada", last_name="King")
    first, second = write_csv(tmp_path, ADA, BOB, name="first.csv"), write_csv(tmp_path, ADA, BOB, CLEO)
    meanwhile(lambda: import_leads(first))
    assert "2 of 3 rows look like existing leads (--on-duplicate decides)" in import_leads(second)["notes"]
    assert Lead.objects.count() == 6


def test_the_same_file_at_the_same_time_is_stored_once(tmp_path: Path, meanwhile: Callable[..., None]) -> None:
    path = write_csv(tmp_path, ADA, BOB)
    meanwhile(lambda: import_leads(path))
    report = import_leads(path, code=1)
    assert "this file was imported already" in report["message"]
    assert Lead.objects.count() == 2


def test_leads_of_an_import_that_failed_do_not_count(tmp_path: Path, meanwhile: Callable[..., None]) -> None:
    first = write_csv(tmp_path, ADA, "Bob,King,bob@,,new", name="first.csv")
    second = write_csv(tmp_path, ADA, CLEO, name="second.csv")
    meanwhile(lambda: import_leads(first, code=1))
    assert counts(import_leads(second, "--on-duplicate", "skip")) == (2, 2, 0, 0, 0)


@pytest.mark.parametrize("action", ["fill", "update"])
def test_an_import_that_changes_leads_says_what_it_waits_for(tmp_path: Path, action: str) -> None:
    make_lead(email="ada@example.com")
    path = write_csv(tmp_path, ADA)
    with ExitStack() as other:
        run = other.enter_context(runs.running(file_name="fair.csv", sha256="0"))
        other.enter_context(locks.lock_for_block(connection, Lock.LOADING))

        class Terminal(io.StringIO):
            def write(self, text: str) -> int:
                if "Waiting" in text:
                    other.close()
                return super().write(text)

        errors = Terminal()
        call_command("import_leads", str(path), "--on-duplicate", action, stdout=io.StringIO(), stderr=errors)
    assert f"Waiting for another import (import {run.pk}, fair.csv)" in errors.getvalue()
    assert Lead.objects.count() == 1


def test_one_that_changes_leads_waits_for_all_others() -> None:
    with transaction.atomic():
        runs.wait_for_lock(shared=True)
        assert together(lambda: (runs.obstacle(shared=True), runs.obstacle(shared=False))) == [
            ("", "it is being checked or undone")
        ]


def test_the_back_office_imports_beside_a_command() -> None:
    boss = browser_of("manager")
    review = upload(boss)
    with runs.running(file_name="huge.csv", sha256="0"):
        html = boss.post(review, form(**{"import": "1"}), follow=True).content.decode()
    assert "Another import is running" not in html
    assert Lead.objects.exists()
