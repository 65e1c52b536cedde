"""Rules for the values of the earlier server's rows.

They are a copy on purpose. A change of today's rules in ``users``, ``leads`` or ``activities`` does not change the
migration. Each rule returns the clean value or raises ``Invalid``.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.hashers import identify_hasher

from crm_project import validation
from crm_project.validation import MAX_BIGINT, MAX_INT, FieldRule, InvalidValue
from users.hashers import as_django

STATUSES = ("new", "contacted", "qualified", "negotiation", "closed", "lost")  # in the order of the report
CLOSED_STATUS = "closed"
DEFAULT_STATUS = "new"
DEFAULT_ACTIVITY_TYPE = "note"

MIN_USERNAME = 3
MAX_NAME = 150
MAX_PHONE = 64
MAX_STATUS = 32
MAX_SOURCE = 64
MAX_TEXT = 20_000
MAX_ACTIVITY_TYPE = 32
MAX_TITLE = 255
MAX_AUTHOR = 301
MAX_PASSWORD_HASH = 128


def text(max_length: int, min_length: int = 0) -> Callable[[object], str]:
    """Return the rule for trimmed text of ``min_length`` to ``max_length`` characters."""
    return lambda value: validation.text(value, max_length, min_length)


def row_id(value: object) -> int:
    """Return a positive 64-bit integer."""
    return validation.integer(value, 1, MAX_BIGINT)


def timestamp(value: object) -> datetime:
    """Return a moment in UTC. A timestamp without a time zone is in UTC already."""
    try:
        if not isinstance(value, str) or value[4:5] != "-":
            raise ValueError
        parsed = datetime.fromisoformat(value.strip())
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue("datetime_parsing", "not a timestamp such as 2025-10-07 18:10:00") from None


def password_hash(value: object) -> str:
    """Return a password hash that one of Django's configured hashers can verify."""
    if not isinstance(value, str) or len(value) > MAX_PASSWORD_HASH:
        raise InvalidValue("value_error", "not a supported password hash")
    encoded = as_django(validation.check_text(value))
    try:
        identify_hasher(encoded).decode(encoded)
    except Exception:  # a damaged hash makes the hashing libraries raise errors of many kinds
        raise InvalidValue("value_error", "not a supported password hash") from None
    return value


def lead_email(value: object) -> str:
    """Return an email address, or an empty text for a lead without one."""
    return validation.email(value, blank=True)


def status(value: object) -> str:
    """Return a status in lower case. An empty one is the default status."""
    return validation.lower_text(value, MAX_STATUS) or DEFAULT_STATUS


def budget(value: object) -> int:
    """Return an amount of 0 to 2^63-1."""
    return validation.integer(value, 0, MAX_BIGINT)


def activity_type(value: object) -> str:
    """Return an activity type in lower case, never empty."""
    return validation.lower_text(value, MAX_ACTIVITY_TYPE, min_length=1)


def duration(value: object) -> int:
    """Return a number of minutes, 0 to 2^31-1."""
    return validation.integer(value, 0, MAX_INT)


def _table(nullable: tuple[str, ...] = (), **rules: Callable[[Any], Any]) -> dict[str, FieldRule]:
    return {column: FieldRule(rule, nullable=column in nullable) for column, rule in rules.items()}


USERS = _table(
    id=row_id,
    password=password_hash,
    is_active=validation.boolean,
    username=text(MAX_NAME, MIN_USERNAME),
    email=validation.email,
    first_name=text(MAX_NAME),
    last_name=text(MAX_NAME),
    created_at=timestamp,
)
LEADS = _table(
    nullable=("budget_min", "budget_max", "property_interest"),
    id=row_id,
    first_name=text(MAX_NAME),
    last_name=text(MAX_NAME),
    email=lead_email,
    phone=text(MAX_PHONE),
    status=status,
    source=text(MAX_SOURCE),
    budget_min=budget,
    budget_max=budget,
    property_interest=text(MAX_TEXT),
    is_active=validation.boolean,
    created_at=timestamp,
    updated_at=timestamp,
)
ACTIVITIES = _table(
    nullable=("notes", "duration"),
    id=row_id,
    lead_id=row_id,
    user_id=row_id,
    activity_type=activity_type,
    title=text(MAX_TITLE, 1),
    notes=text(MAX_TEXT),
    duration=duration,
    activity_date=validation.date,
    created_at=timestamp,
    user_name=text(MAX_AUTHOR, 1),
)
