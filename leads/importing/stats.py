"""What became of the rows, counted while they pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from crm_project.validation import FieldError

MAX_LISTED = 1000  # problems stored with the run; the rejects file has all
MAX_VALUE = 200  # characters of a bad value that are repeated


class Refused(Exception):
    """The import stores nothing; the message says why."""


@dataclass
class Stats:
    """Counts of rows, and the first problems as JSON-ready dicts of line, column, value and reason."""

    read: int = 0
    created: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: int = 0
    left_out: int = 0
    problem_count: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    skipped_rows: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, problems: list[FieldError], column_of: Any) -> None:
        """Count one bad row; ``column_of`` names the file's column for one of our fields."""
        self.rejected += 1
        self.problem_count += len(problems)
        for problem in problems[: MAX_LISTED - len(self.problems)]:
            self.problems.append(as_dict(line, problem, column_of))

    def refused(self) -> dict[str, Any]:
        """Return the counts of a run that stored nothing: every row read counts as rejected."""
        counts = {"created": 0, "updated": 0, "skipped": 0, "rejected": self.read, "left_out": 0}
        return {**self.as_columns(), **counts, "skipped_rows": []}

    def as_columns(self) -> dict[str, Any]:
        """Return the counts and problems as the run's columns."""
        return dict(vars(self))


def as_dict(line: int, problem: FieldError, column_of: Any) -> dict[str, Any]:
    """Return one problem for the report: its place, the value, and the message."""
    field_name = str(problem.loc[0]) if problem.loc else ""
    given = problem.input if _fits_json(problem.input) else str(problem.input)
    value = showable(given[:MAX_VALUE]) if isinstance(given, str) else given
    reason = problem.msg.removeprefix("Value error, ")
    return {"line": line, "column": showable(column_of(field_name)), "value": value, "reason": reason}


def _fits_json(value: object) -> bool:
    """Return whether every database and every JSON parser accepts the value."""
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is None or isinstance(value, str) or (isinstance(value, float) and isfinite(value))


def identity(values: Mapping[str, Any]) -> dict[str, str]:
    """Return who a row is about, for reports."""
    shown = {
        "name": f"{values['first_name']} {values['last_name']}".strip(),
        "email": values["email"],
        "phone": values["phone"],
    }
    return {name: showable(str(value)) for name, value in shown.items()}


def showable(text: str) -> str:
    """Return ``text`` with escapes for what no database and no report can store (NUL, bytes that were no text)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
