"""``manage.py import_activities`` as an operator runs it, in this process."""

from pathlib import Path
from typing import Any

from activities.models import Activity
from leads.models import Lead
from tests.importing.command import run_import, write_csv

HEADER = "lead_id,lead_email,user,activity_type,title,notes,duration,activity_date,created_at"


def import_activities(*arguments: Any, code: int = 0, ids_are_ours: bool = True) -> dict[str, Any]:
    """Run the command, check its exit code, and return its report."""
    option = ["--ids-are-ours"] if ids_are_ours else []
    return run_import("import_activities", *arguments, *option, code=code)


def write_activities(folder: Path, *rows: str, header: str = HEADER, name: str = "activities.csv") -> Path:
    """Return a CSV file of the given lines under ``header``."""
    return write_csv(folder, *rows, header=header, name=name)


def errors_of(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Line, column and reason of every problem."""
    return [(problem["line"], problem["column"], problem["reason"]) for problem in report["problems"]]


def assert_counted() -> None:
    """Every lead's ``activity_count`` is the number of its activities."""
    for lead in Lead.objects.all():
        assert lead.activity_count == Activity.objects.filter(lead=lead).count()
