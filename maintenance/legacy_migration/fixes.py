"""What ``--fix`` makes of a value that the rules refuse: one stated mend a column, and their description for people.

A mend is given the value, the whole row as it was, and what is known to be right of it. Where the result depends on
the row it is still a value the rules accept.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from activities.rules import LONGEST_TITLE, LONGEST_TYPE
from activities.rules import duration as minutes
from crm_project import values
from crm_project.values import Invalid
from leads import rules
from users.rules import LONGEST_NAME, SHORTEST_USERNAME

DESCRIPTION = """\
What --fix does; each change is listed in the report:
  any text         NULL becomes empty, NUL and broken characters are replaced, what is too long is cut
  user name        a taken, empty or short one gets "-" and the user's id at its end (of several users whose names
                   differ only in case, the one with the lowest id keeps it)
  user's e-mail    a malformed or taken one is blanked
  password hash    one that cannot be verified here is blanked: an administrator sets a new password
  lead's e-mail    a malformed one is moved to the end of property_interest
  budgets          crossed ones are swapped; fractions are rounded; negative and impossible ones are blanked
  status           one that is no text becomes "new"
  is_active        an unclear one becomes false (true for a user)
  times            a lead's unreadable created_at and updated_at take each other's value, an activity's created_at is
                   midnight of its day; otherwise it is the moment of the takeover
  activity         an empty title becomes the type, an empty type "note"; an unreadable day is that of created_at; a
                   bad duration is rounded or blanked; a missing author's name is the user's present one;
                   activities whose lead or user does not exist are left out
Rows without an id that is a positive integer of their own are refused all the same."""

Row = dict[str, Any]
Mend = Callable[[Any, Row, Row], Any]

LONGEST_AUTHOR = 301
NOW = datetime.now  # the moment of the takeover


def tidy(value: object, longest: int) -> str:
    """Any value as text that a column can hold."""
    if value is None:
        return ""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = text.replace("\0", "").encode(errors="replace").decode()
    return text.strip()[:longest].strip()


def cut(longest: int, otherwise: str = "") -> Mend:
    """The mend of a text column."""
    return lambda value, row, clean: tidy(value, longest) or otherwise


def blank(value: Any, row: Row, clean: Row) -> Any:
    """NULL."""
    return None


def empty(value: Any, row: Row, clean: Row) -> str:
    """No text."""
    return ""


def username(value: Any, row: Row, clean: Row) -> str:
    """Long enough and at most as long as may be, with the id at its end where it was too short."""
    name = tidy(value, LONGEST_NAME)
    return name if len(name) >= SHORTEST_USERNAME else with_id(name or "user", row["id"])


def with_id(name: str, user_id: int) -> str:
    """A user name that nobody else has, most likely."""
    suffix = f"-{user_id}"
    return name[: LONGEST_NAME - len(suffix)] + suffix


def rounded(rule: Callable[[Any], int]) -> Mend:
    """The mend of a number: its nearest integer, or NULL."""

    def mend(value: Any, row: Row, clean: Row) -> int | None:
        try:
            number = float(value)
            return rule(round(number)) if isfinite(number) else None
        except (TypeError, ValueError, OverflowError, Invalid):
            return None

    return mend


def status(value: Any, row: Row, clean: Row) -> str:
    """Cut, in lower case, or new."""
    return tidy(tidy(value, rules.LONGEST_STATUS).lower(), rules.LONGEST_STATUS) or rules.DEFAULT_STATUS


def activity_type(value: Any, row: Row, clean: Row) -> str:
    """Cut, in lower case, or a note."""
    return tidy(tidy(value, LONGEST_TYPE).lower(), LONGEST_TYPE) or "note"


def title(value: Any, row: Row, clean: Row) -> str:
    """Cut, or the type."""
    return tidy(value, LONGEST_TITLE) or str(clean.get("activity_type") or activity_type(row["activity_type"], row, {}))


def day(value: Any, row: Row, clean: Row) -> Any:
    """The day a text begins with, or that of ``created_at``."""
    try:
        return values.date(str(value).strip()[:10])
    except Invalid:
        return (clean.get("created_at") or NOW(UTC)).date()


def made(value: Any, row: Row, clean: Row) -> datetime:
    """When an activity's ``created_at`` is unreadable."""
    day = clean.get("activity_date")
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else NOW(UTC)


def same_as(other: str) -> Mend:
    """The value of another moment of the row, or now."""
    return lambda value, row, clean: clean.get(other) or NOW(UTC)


USERS: dict[str, Mend] = {
    "username": username,
    "email": empty,
    "first_name": cut(LONGEST_NAME),
    "last_name": cut(LONGEST_NAME),
    "password": empty,
    "is_active": lambda value, row, clean: True,
    "created_at": lambda value, row, clean: NOW(UTC),
}
LEADS: dict[str, Mend] = {
    "first_name": cut(rules.LONGEST_NAME),
    "last_name": cut(rules.LONGEST_NAME),
    "email": empty,
    "phone": cut(rules.LONGEST_PHONE),
    "status": status,
    "source": cut(rules.LONGEST_SOURCE),
    "budget_min": rounded(rules.budget),
    "budget_max": rounded(rules.budget),
    "property_interest": cut(rules.LONGEST_TEXT),
    "is_active": lambda value, row, clean: False,
    "created_at": same_as("updated_at"),
    "updated_at": same_as("created_at"),
}
ACTIVITIES: dict[str, Mend] = {
    "activity_type": activity_type,
    "title": title,
    "notes": cut(rules.LONGEST_TEXT),
    "duration": rounded(minutes),
    "activity_date": day,
    "created_at": made,
    "user_name": cut(LONGEST_AUTHOR),
}
