"""What an activity's values must be; the only judge, like ``leads/rules.py``."""

from typing import Any

from crm_project import json_schema as schema
from crm_project import values
from crm_project.values import BIGGEST_32, Problem, Rule
from leads.rules import LONGEST_TEXT, long_text

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


_words = "Any word, kept in lower case: call, email, meeting, note, …"
CREATE: dict[str, Rule] = {
    "activity_type": Rule(activity_type, schema=schema.text(LONGEST_TYPE, 1, _words, examples=["call"])),
    "title": Rule(title, schema=schema.text(LONGEST_TITLE, 1, examples=["Intro call"])),
    "notes": Rule(long_text, True, None, schema.text(LONGEST_TEXT, examples=["Talked about financing"])),
    "duration": Rule(duration, True, None, schema.integer(0, BIGGEST_32, examples=[12], description="Minutes")),
    "activity_date": Rule(
        values.date, schema={**schema.DAY, "description": "The day it was done; a timestamp of its midnight will do"}
    ),
}


def check(row: object) -> tuple[dict[str, Any], list[Problem]]:
    """The clean values of a new activity, and every problem with them; unknown fields are ignored."""
    return values.judge(row, CREATE)
