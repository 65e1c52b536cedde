"""``manage.py import_leads`` as an operator runs it, in this process."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

HEADER = "First Name,Last Name,Email,Phone,Status"


def write_csv(folder: Path, *rows: str, header: str = HEADER, name: str = "leads.csv") -> Path:
    """Return a CSV file of the given lines under ``header``."""
    path = folder / name
    path.write_text("\n".join((header, *rows, "")), encoding="utf-8")
    return path


def import_leads(*arguments: Any, code: int = 0) -> dict[str, Any]:
    """Run the command with a JSON report, check its exit code, and return the report."""
    return run_import("import_leads", *arguments, code=code)


def run_import(command: str, *arguments: Any, code: int = 0) -> dict[str, Any]:
    """Return the same with any of the import commands; wrong arguments (code 2) make no report."""
    out = io.StringIO()
    ended = _run(command, out, *arguments, "--report", "json")
    report: dict[str, Any] = json.loads(out.getvalue() or "{}")
    assert ended == code, report
    return report


def summary(*arguments: Any) -> str:
    """Return the text the command prints."""
    out = io.StringIO()
    _run("import_leads", out, *arguments)
    return out.getvalue()


def _run(command: str, out: io.StringIO, *arguments: Any) -> int:
    try:
        call_command(command, *map(str, arguments), stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        return int(ended.code or 0)
    except CommandError as error:
        return error.returncode
    return 0


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by column."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def counts(report: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Read, created, updated, skipped, rejected."""
    return tuple(report[name] for name in ("read", "created", "updated", "skipped", "rejected"))  # type: ignore[return-value]
