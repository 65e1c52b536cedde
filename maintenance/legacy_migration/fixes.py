"""The corrections of ``--fix``: one for each column, and their description in ``--help``.

A fix gets the invalid value, the whole source row and the row's valid values. It returns a value that the rules accept.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

from crm_project import validation
from crm_project.validation import InvalidValue
from maintenance.legacy_migration import rules

DESCRIPTION = """\
Corrections of --fix; the report lists each change:
  any text         NULL becomes empty, NUL and broken characters are replaced, text that is too long is cut
  username         a duplicate, empty or short one gets "-" and the user's id as its suffix (of users whose names
                   differ only in case, the one with the lowest id stays unchanged)
  user's email     a malformed or duplicate one is cleared
  password hash    an unsupported one is cleared: an administrator sets a new password
  lead's email     a malformed one moves to the end of property_interest
  budgets          a minimum above the maximum: the two are swapped; fractions are rounded; negative and
                   impossible amounts are cleared
  status           one that is not text becomes "new"
  is_active        an unclear one becomes false (true for a user)
  times            a lead's invalid created_at and updated_at get each other's value; an activity's created_at is
                   midnight of its date; otherwise it is the time of the migration
  activity         an empty title becomes the type, an empty type "note"; an invalid date becomes that of
                   created_at; an invalid duration is rounded or cleared; a missing author's name becomes the
                   user's name; activities whose lead or user does not exist are left out
Rows whose id is not a unique positive integer are always rejected."""

Row = dict[str, Any]
Fix = Callable[[Any, Row, Row], Any]


def now() -> datetime:
    """Return the time of the migration."""
    return datetime.now(UTC)


def to_text(value: object, max_length: int) -> str:
    """Return any value as text that a column can store."""
    if value is None:
        return ""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = text.replace("\0", "").encode(errors="replace").decode()
    return text.strip()[:max_length].strip()


def cut(max_length: int) -> Fix:
    """Return the fix of a text column."""
    return lambda value, row, clean: to_text(value, max_length)


def word(max_length: int, default: str) -> Fix:
    """Return the fix of a word in lower case: a status or an activity type."""
    return lambda value, row, clean: to_text(to_text(value, max_length).lower(), max_length) or default


def constant(value: Any) -> Fix:
    """Return the fix that replaces every invalid value by ``value``."""
    return lambda _, row, clean: value


def username(value: Any, row: Row, clean: Row) -> str:
    """Return a username of valid length, with the id as suffix if it was too short."""
    name = to_text(value, rules.MAX_NAME)
    return name if len(name) >= rules.MIN_USERNAME else with_id(name or "user", row["id"])


def with_id(name: str, user_id: int) -> str:
    """Return ``name`` with the id as suffix, which makes it unique in most cases."""
    suffix = f"-{user_id}"
    return name[: rules.MAX_NAME - len(suffix)] + suffix


def rounded(rule: Callable[[Any], int]) -> Fix:
    """Return the fix of a number: the nearest integer, or NULL."""

    def fix(value: Any, row: Row, clean: Row) -> int | None:
        try:
            number = float(value)
            return rule(round(number)) if isfinite(number) else None
        except (TypeError, ValueError, OverflowError, InvalidValue):
            return None

    return fix


activity_type = word(rules.MAX_ACTIVITY_TYPE, rules.DEFAULT_ACTIVITY_TYPE)


def title(value: Any, row: Row, clean: Row) -> str:
    """Return the title, or the activity type if it is empty."""
    return to_text(value, rules.MAX_TITLE) or str(
        clean.get("activity_type") or activity_type(row["activity_type"], row, {})
    )


def activity_date(value: Any, row: Row, clean: Row) -> date:
    """Return the date at the start of the text, or that of ``created_at``."""
    try:
        return validation.date(str(value).strip()[:10])
    except InvalidValue:
        created_at: datetime = clean.get("created_at") or now()
        return created_at.date()


def activity_created_at(value: Any, row: Row, clean: Row) -> datetime:
    """Return midnight of the activity's date, or the time of the migration."""
    day = clean.get("activity_date")
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else now()


def same_as(other: str) -> Fix:
    """Return the fix that copies the row's other timestamp, or takes the time of the migration."""
    return lambda value, row, clean: clean.get(other) or now()


USERS: dict[str, Fix] = {
    "username": username,
    "email": constant(""),
    "first_name": cut(rules.MAX_NAME),
    "last_name": cut(rules.MAX_NAME),
    "password": constant(""),
    "is_active": constant(True),
    "created_at": lambda value, row, clean: now(),
}
LEADS: dict[str, Fix] = {
    "first_name": cut(rules.MAX_NAME),
    "last_name": cut(rules.MAX_NAME),
    "email": constant(""),
    "phone": cut(rules.MAX_PHONE),
    "status": word(rules.MAX_STATUS, rules.DEFAULT_STATUS),
    "source": cut(rules.MAX_SOURCE),
    "budget_min": rounded(rules.budget),
    "budget_max": rounded(rules.budget),
    "property_interest": cut(rules.MAX_TEXT),
    "is_active": constant(False),
    "created_at": same_as("updated_at"),
    "updated_at": same_as("created_at"),
}
ACTIVITIES: dict[str, Fix] = {
    "lead_id": constant(None),
    "user_id": constant(None),
    "activity_type": activity_type,
    "title": title,
    "notes": cut(rules.MAX_TEXT),
    "duration": rounded(rules.duration),
    "activity_date": activity_date,
    "created_at": activity_created_at,
}
