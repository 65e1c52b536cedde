"""Refused values of imports are stored as long as the rows they are from: seven days."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from leads.models import ImportRun
from tests.stored import stored_files

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


def test_refused_values_expire_after_seven_days() -> None:
    old, migrated, young = make_run(7.1, [PROBLEM, PROBLEM]), make_run(8, [FIX]), make_run(6.9, [PROBLEM])
    make_run(8, [])
    assert "values of files in reports of imports: 2 deleted" in prune()
    for run in (old, migrated, young):
        run.refresh_from_db()
    assert old.problems == [{**PROBLEM, "value": "erased"}] * 2
    assert migrated.problems == [{**FIX, "before": "erased", "after": "erased"}]
    assert young.problems == [PROBLEM]
    assert "values of files in reports of imports: 0 deleted" in prune()


def test_values_that_are_no_text() -> None:
    run = make_run(8, [{**PROBLEM, "value": None}, {**PROBLEM, "value": 5}])
    assert "values of files in reports of imports: 1 deleted" in prune()
    run.refresh_from_db()
    assert [problem["value"] for problem in run.problems] == ["erased", "erased"]


def test_names_of_skipped_rows_expire_with_them() -> None:
    row = {"line": 2, "action": "skipped", "lead_id": 7, "name": "", "email": "a@example.com", "phone": ""}
    run = make_run(8, [], skipped_rows=[row, row])
    assert "values of files in reports of imports: 1 deleted" in prune()
    run.refresh_from_db()
    assert run.skipped_rows == [{**row, "name": "erased", "email": "erased", "phone": "erased"}] * 2
    assert "values of files in reports of imports: 0 deleted" in prune()


def test_rows_with_errors_expire_with_them() -> None:
    runs = [make_run(7.1, []), make_run(6.9, [])]
    for run in runs:
        for field in ("rejects_file", "skipped_file"):
            run.store_file(field, io.BytesIO(b"x"))
    assert "uploaded files: 1 deleted" in prune()
    assert sorted(stored_files()) == sorted([runs[1].rejects_file, runs[1].skipped_file])
