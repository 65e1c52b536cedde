"""What an activity's values must be; the only judge, like ``leads/rules.py``."""

from typing import Any

from crm_project import values
from crm_project.values import BIGGEST_32, Problem, Rule
from leads.rules import long_text

LONGEST_TYPE = 32
LONGEST_TITLE = 255


def activity_type(value: object) -> str:
    """A word of an open vocabulary (call, email, meeting, note, …), trimmed and in lower case; never empty."""
    return values.lowered(value, LONGEST_TYPE, shortest=1)


def title(value: object) -> str:
    """One line of what was done; never empty."""
    return values.text(value, LONGEST_TITLE, shortest=1)


def duration(value: object) -> int:
    """Minutes, 0 to 2^31-1."""
    return values.integer(value, 0, BIGGEST_32)


CREATE: dict[str, Rule] = {
    "activity_type": Rule(activity_type),
    "title": Rule(title),
    "notes": Rule(long_text, nullable=True, default=None),
    "duration": Rule(duration, nullable=True, default=None),
    "activity_date": Rule(values.date),
}


def check(row: object) -> tuple[dict[str, Any], list[Problem]]:
    """The clean values of a new activity, and every problem with them; unknown fields are ignored."""
    return values.judge(row, CREATE)
