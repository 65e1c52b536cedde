"""The rules for a follow-up's values, used by every interface, like ``activities/validators.py``."""

import re
from typing import Any

from activities.validators import KNOWN_TYPES, MAX_TITLE, MAX_TYPE, activity_type, title
from crm_project import json_schema as schema
from crm_project import validation
from crm_project.validation import MAX_BIGINT, FieldError, FieldRule, InvalidValue
from users.models import User

TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_time = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9](?::00(?:\.0+)?)?", re.ASCII)


def due_time(value: object) -> str:
    """Return a time as ``HH:MM``, in the office's time zone. Seconds are accepted if they are zero."""
    if not isinstance(value, str):
        raise InvalidValue("time_type", "Input should be a valid time")
    if not _time.fullmatch(text := value.strip()):
        raise InvalidValue("time_parsing", "Input should be in a valid time format, HH:MM")
    return text[:5]


def user_id(value: object) -> int:
    """Return the id of a user."""
    return validation.integer(value, 1, MAX_BIGINT)


_kind = schema.text(MAX_TYPE, 1, description="Any word, stored in lower case")
_day_about = "A day of the office, in its time zone (`TIME_ZONE`). A timestamp of its midnight is accepted"
_time_about = "`HH:MM` in the office's time zone; null: at any time"
_assignee_about = "An active user; the token's user if it is missing; null: nobody"
CREATE_RULES: dict[str, FieldRule] = {
    "title": FieldRule(title, schema=schema.text(MAX_TITLE, 1, examples=["Call about the viewing"])),
    "kind": FieldRule(activity_type, schema=schema.vocabulary(KNOWN_TYPES, _kind)),
    "due_on": FieldRule(validation.date, schema={**schema.DAY, "examples": ["2026-12-03"], "description": _day_about}),
    "due_time": FieldRule(
        due_time, True, None, {"type": "string", "pattern": TIME, "examples": ["14:30"], "description": _time_about}
    ),
    "assignee_id": FieldRule(
        user_id, True, None, {**schema.IDENTIFIER, "examples": [1], "description": _assignee_about}
    ),
}


def validate(row: object, partial: bool = False) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the clean values of a follow-up, and all errors. Unknown fields are ignored.

    With ``partial``, missing fields are not errors, and do not get their defaults.
    """
    return validation.validate(row, CREATE_RULES, partial)


def check_assignee(number: int | None) -> list[FieldError]:
    """Return an error if that is not an active user. One query, or none for nobody."""
    if number is None or User.objects.filter(pk=number, is_active=True).exists():
        return []
    return [FieldError("value_error", ("assignee_id",), f"Value error, there is no active user {number}", number)]
