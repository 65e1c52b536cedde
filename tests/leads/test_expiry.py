"""Refused values of imports are stored as long as the rows they are from: seven days."""

import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from leads.back_office.stored_files import files_of
from leads.models import ImportRun
from tests.admin.conftest import upload_dir as upload_dir

pytestmark = pytest.mark.django_db

PROBLEM = {"line": 2, "column": "Budget", "value": "much", "reason": "not a number"}
FIX = {"table": "leads", "id": 1, "column": "email", "before": "x", "after": None, "reason": "not an address"}


def make_run(days: float, problems: list[dict[str, Any]], **fields: Any) -> ImportRun:
    started_at = timezone.now() - timedelta(days=days)
    return ImportRun.objects.create(
        file_name="a.csv", sha256="0", state="done", started_at=started_at, problems=problems, **fields
    )


def prune() -> str:
    out = io.StringIO()
    call_command("prune", stdout=out)
    return out.getvalue()


def test_refused_values_expire_after_seven_days(upload_dir: Path) -> None:
    old, migrated, young = make_run(7.1, [PROBLEM, PROBLEM]), make_run(8, [FIX]), make_run(6.9, [PROBLEM])
    make_run(8, [])
    assert "values of files in reports of imports: 2 deleted" in prune()
    for run in (old, migrated, young):
        run.refresh_from_db()
    assert old.problems == [{**PROBLEM, "value": "erased"}] * 2
    assert migrated.problems == [{**FIX, "before": "erased", "after": "erased"}]
    assert young.problems == [PROBLEM]
    assert "values of files in reports of imports: 0 deleted" in prune()


def test_values_that_are_no_text(upload_dir: Path) -> None:
    run = make_run(8, [{**PROBLEM, "value": None}, {**PROBLEM, "value": 5}])
    assert "values of files in reports of imports: 1 deleted" in prune()
    run.refresh_from_db()
    assert [problem["value"] for problem in run.problems] == ["erased", "erased"]


def test_names_of_skipped_rows_expire_with_them(upload_dir: Path) -> None:
    row = {"line": 2, "action": "skipped", "lead_id": 7, "name": "", "email": "a@example.com", "phone": ""}
    run = make_run(8, [], skipped_rows=[row, row])
    assert "values of files in reports of imports: 1 deleted" in prune()
    run.refresh_from_db()
    assert run.skipped_rows == [{**row, "name": "erased", "email": "erased", "phone": "erased"}] * 2
    assert "values of files in reports of imports: 0 deleted" in prune()


def test_rows_with_errors_expire_with_them(upload_dir: Path) -> None:
    upload_dir.mkdir()
    for run_id, days in ((1, 7.1), (2, 6.9)):
        for path in files_of(run_id):
            path.write_text("x")
            then = timezone.now().timestamp() - days * 86400
            os.utime(path, (then, then))
    prune()
    assert [path.exists() for run_id in (1, 2) for path in files_of(run_id)] == [False, False, True, True]
