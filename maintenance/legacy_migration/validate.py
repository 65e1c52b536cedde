"""Validation of the earlier server's rows: clean values, and each problem with its fix.

There is one validator for each table. It gets the table's rows in the order of their ids. ``validate`` returns the row
to store, with all fixes applied, or ``None`` if the row is left out; and the problems.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.hashers import make_password

from crm_project import validation
from crm_project.validation import FieldRule
from maintenance.legacy_migration import fixes, rules
from maintenance.legacy_migration.issues import HIDDEN

UNFIXABLE = object()  # the ``fixed`` of a problem without a fix
LEFT_OUT = "(left out)"

Row = dict[str, Any]


class Problem(NamedTuple):
    """One invalid value: the column by its name here, the value, why it is invalid, and its correction."""

    column: str
    value: Any
    reason: str
    fixed: Any


def _python_number(value: object) -> object:
    """Return PostgreSQL's NUMERIC as an integer or float."""
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class TableValidator:
    """The base of the three validators: rules and fixes of each column, and unique ids."""

    rules: Mapping[str, FieldRule]
    fixes: Mapping[str, fixes.Fix]
    numeric_columns: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.last_id: int | None = None

    def validate(self, row: Row) -> tuple[Row | None, list[Problem]]:
        """Return the row to store, and every problem with it."""
        for column in self.numeric_columns:
            row[column] = _python_number(row[column])
        clean, errors = validation.validate(row, self.rules)
        problems = [self._fix(str(error.loc[0]), error.msg, row, clean) for error in errors]
        return clean, problems + self._repeated_id(row, clean)

    def _fix(self, column: str, message: str, row: Row, clean: Row) -> Problem:
        reason = message.removeprefix("Value error, ")
        fix = self.fixes.get(column)
        if fix is None:
            return Problem(column, row[column], reason, UNFIXABLE)
        clean[column] = fix(row[column], row, clean)
        return Problem(column, row[column], reason, clean[column])

    def _repeated_id(self, row: Row, clean: Row) -> list[Problem]:
        last_id, self.last_id = self.last_id, clean.get("id", self.last_id)
        if "id" in clean and last_id == clean["id"]:
            return [Problem("id", row["id"], "another row has the same id", UNFIXABLE)]
        return []


def _is_unfixable(problems: list[Problem]) -> bool:
    return any(problem.fixed is UNFIXABLE for problem in problems)


class UserValidator(TableValidator):
    """Validates users. It stores all usernames, emails and names in memory, because an office has few."""

    rules = rules.USERS
    fixes = fixes.USERS

    def __init__(self) -> None:
        super().__init__()
        self.usernames: dict[str, int] = {}
        self.emails: dict[str, int] = {}
        self.names: dict[int, str] = {}  # id -> "First Last", or the username

    def validate(self, row: Row) -> tuple[Row | None, list[Problem]]:
        """Validate the row, and that its username and email are unique without regard to case."""
        row.setdefault("is_active", True)
        clean, problems = super().validate(row)
        problems = [p._replace(value=HIDDEN, fixed=HIDDEN) if p.column == "password" else p for p in problems]
        if clean is None or _is_unfixable(problems):
            return clean, problems
        clean["password"] = clean["password"] or make_password(None)
        problems += self._duplicates(row, clean)
        self.names[clean["id"]] = f"{clean['first_name']} {clean['last_name']}".strip() or clean["username"]
        return clean, problems

    def _duplicates(self, row: Row, clean: Row) -> list[Problem]:
        problems = []
        if owner := self.usernames.get(validation.normalized_key(clean["username"])):
            while validation.normalized_key(clean["username"]) in self.usernames:
                clean["username"] = fixes.with_id(clean["username"], clean["id"])
            reason = f"user {owner} has the same username (in any case)"
            problems.append(Problem("username", row["username"], reason, clean["username"]))
        if owner := self.emails.get(validation.normalized_key(clean["email"])):
            clean["email"] = ""
            problems.append(Problem("email", row["email"], f"user {owner} has the same email (in any case)", ""))
        self.usernames[validation.normalized_key(clean["username"])] = clean["id"]
        if clean["email"]:
            self.emails[validation.normalized_key(clean["email"])] = clean["id"]
        return problems


class LeadValidator(TableValidator):
    """Validates leads. It stores the ids and counts of all leads in their order: sixteen bytes a lead."""

    rules = rules.LEADS
    fixes = fixes.LEADS
    numeric_columns = ("budget_min", "budget_max")

    def __init__(self) -> None:
        super().__init__()
        self.ids = array("q")
        self.source_counts = array("i")  # activity_count in the source
        self.stored_counts = array("i")  # activities that the migration stores

    def validate(self, row: Row) -> tuple[Row | None, list[Problem]]:
        """Validate the row, then the rules that concern two columns."""
        clean, problems = super().validate(row)
        if clean is None or _is_unfixable(problems):
            return clean, problems
        self.ids.append(clean["id"])
        self.source_counts.append(row["activity_count"])
        self.stored_counts.append(0)
        problems += self._budget_range(clean)
        return clean, [self._move_email(p, clean) if p.column == "email" else p for p in problems]

    def _budget_range(self, clean: Row) -> list[Problem]:
        low, high = clean["budget_min"], clean["budget_max"]
        if low is None or high is None or low <= high:
            return []
        clean["budget_min"], clean["budget_max"] = high, low
        reason = "budget_max must be greater than or equal to budget_min"
        return [Problem("budget_max", f"{low} … {high}", reason, f"{high} … {low}")]

    def _move_email(self, problem: Problem, clean: Row) -> Problem:
        address = fixes.to_text(problem.value, 500)
        interest = clean["property_interest"] or ""
        text = f"{interest}\nE-mail: {address}".strip()
        if not address or len(text) > rules.MAX_TEXT:
            return problem
        clean["property_interest"] = text
        return problem._replace(fixed="(moved to property_interest)")

    def has(self, lead_id: int) -> bool:
        """Return whether the lead exists."""
        place = bisect_left(self.ids, lead_id)
        return place < len(self.ids) and self.ids[place] == lead_id

    def count_activity(self, lead_id: int) -> None:
        """Count one stored activity of an existing lead."""
        self.stored_counts[bisect_left(self.ids, lead_id)] += 1

    def wrong_counts(self) -> Iterator[tuple[int, int, int]]:
        """Yield id, count in the source and number of activities of each lead where the two differ."""
        counts = zip(self.ids, self.source_counts, self.stored_counts, strict=True)
        yield from ((lead_id, source, stored) for lead_id, source, stored in counts if source != stored)


class ActivityValidator(TableValidator):
    """Validates activities, each of which needs an existing lead and user."""

    rules = rules.ACTIVITIES
    numeric_columns = ("duration",)

    def __init__(self, users: UserValidator, leads: LeadValidator) -> None:
        super().__init__()
        self.users, self.leads = users, leads
        self.fixes = {**fixes.ACTIVITIES, "user_name": self._author}

    def _author(self, value: Any, row: Row, clean: Row) -> str:
        return fixes.to_text(value, rules.MAX_AUTHOR) or self.users.names.get(clean.get("user_id", 0), "")

    def validate(self, row: Row) -> tuple[Row | None, list[Problem]]:
        """Validate the row. An activity without its lead or user is left out."""
        clean, problems = super().validate(row)
        orphaned = [p._replace(fixed=LEFT_OUT) for p in problems if p.column in ("lead_id", "user_id")]
        if clean and not orphaned and not self.leads.has(clean["lead_id"]):
            orphaned.append(Problem("lead_id", row["lead_id"], "there is no such lead", LEFT_OUT))
        if clean and clean.get("user_id") and clean["user_id"] not in self.users.names:
            orphaned.append(Problem("user_id", row["user_id"], "there is no such user", LEFT_OUT))
        others = [p for p in problems if p.column not in ("lead_id", "user_id")]
        return (None if orphaned else clean), orphaned + others
