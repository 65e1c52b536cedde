"""The rules for an activity's values, used by every interface, like ``leads/validators.py``."""

from typing import Any

from crm_project import json_schema as schema
from crm_project import validation
from crm_project.validation import MAX_INT, FieldError, FieldRule
from leads.validators import MAX_TEXT, long_text

MAX_TYPE = 32
MAX_TITLE = 255


def activity_type(value: object) -> str:
    """Return a type (call, email, meeting, note or any other word), trimmed and in lower case; never empty."""
    return validation.lower_text(value, MAX_TYPE, min_length=1)


def title(value: object) -> str:
    """Return the subject of an activity; never empty."""
    return validation.text(value, MAX_TITLE, min_length=1)


def duration(value: object) -> int:
    """Return minutes, from 0 to 2^31-1."""
    return validation.integer(value, 0, MAX_INT)


KNOWN_TYPES = ("call", "email", "meeting", "note")  # that the documentation names; others are accepted
_type = schema.text(MAX_TYPE, 1, description="Any word, stored in lower case")
CREATE_RULES: dict[str, FieldRule] = {
    "activity_type": FieldRule(activity_type, schema=schema.vocabulary(KNOWN_TYPES, _type)),
    "title": FieldRule(title, schema=schema.text(MAX_TITLE, 1, examples=["Intro call"])),
    "notes": FieldRule(long_text, True, None, schema.text(MAX_TEXT, examples=["Talked about financing"])),
    "duration": FieldRule(duration, True, None, schema.integer(0, MAX_INT, examples=[12], description="Minutes")),
    "activity_date": FieldRule(
        validation.date,
        schema={**schema.DAY, "description": "The day it was done. A timestamp of its midnight is accepted"},
    ),
}


def validate(row: object, partial: bool = False) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the clean values of an activity, and all errors. Unknown fields are ignored.

    With ``partial``, missing fields are not errors, and do not get their defaults.
    """
    return validation.validate(row, CREATE_RULES, partial)
