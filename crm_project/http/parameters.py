"""What the values of query parameters may be: moments and days, choices, lists of ids. An empty value is ``None``."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from crm_project.http.errors import ValidationFailed
from crm_project.validation import MAX_BIGINT, FieldError, InvalidValue, boolean, check_text, integer

GivenT = TypeVar("GivenT")
CheckedT = TypeVar("CheckedT")

MAX_IDS = 1000
NONE = "none"
EARLIEST, LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_day = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# A plus sign that was not encoded arrives as a space.
_moment = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+\- ]\d{2}:?\d{2})?", re.ASCII)


def collect(errors: list[FieldError], name: str, given: GivenT, check: Callable[[GivenT], CheckedT]) -> CheckedT | None:
    """Return ``check(given)``; ``None`` for an invalid value, whose error with the place of the parameter is added."""
    try:
        return check(given)
    except InvalidValue as invalid:
        errors.append(FieldError(invalid.type, ("query", name), invalid.msg, given))
        return None


def checked(name: str, given: GivenT, check: Callable[[GivenT], CheckedT]) -> CheckedT | None:
    """Return ``check(given)``; raise a 422 for an invalid value of the parameter."""
    errors: list[FieldError] = []
    value = collect(errors, name, given, check)
    if errors:
        raise ValidationFailed(errors)
    return value


def choice(given: str, choices: Sequence[str]) -> str | None:
    """Return one of ``choices``, in any case."""
    word = given.strip().lower()
    if not word:
        return None
    if word not in choices:
        *others, last = (f"'{known}'" for known in choices)
        known = f"{', '.join(others)} or {last}" if others else last
        raise InvalidValue("literal_error", f"Input should be {known}")
    return word


def flag(given: str) -> bool | None:
    """Return a truth value."""
    return boolean(given) if given.strip() else None


def number(given: str, lowest: int, highest: int) -> int | None:
    """Return an integer."""
    return integer(given, lowest, highest) if given.strip() else None


def ids(given: Sequence[str]) -> tuple[int, ...] | None:
    """Ids, repeated or separated by commas, at most ``MAX_IDS``; those that no row can have are left out."""
    texts = [text for value in given for text in value.split(",") if text.strip()]
    if len(texts) > MAX_IDS:
        raise InvalidValue("too_long", f"List should have at most {MAX_IDS} items after validation, not {len(texts)}")
    numbers = (integer(text, -(10**40), 10**40) for text in texts)
    return tuple(dict.fromkeys(number for number in numbers if 0 < number <= MAX_BIGINT)) if texts else None


def day_or_moment(given: str) -> date | datetime | None:
    """Return a day, or a time in UTC. A timestamp without a zone is in UTC."""
    text = check_text(given).strip()
    try:
        if not text:
            return None
        if _day.fullmatch(text):
            return date.fromisoformat(text)
        if found := _moment.fullmatch(text):
            day, clock, zone = found.groups()
            zone = zone.replace(" ", "+") if zone else "Z"
            return datetime.fromisoformat(f"{day}T{clock[:15]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue("datetime_parsing", f"Input should be a valid day or timestamp, {error}") from None
    raise InvalidValue("datetime_parsing", "Input should be a valid day or timestamp: YYYY-MM-DD or ISO 8601")


def moment(given: str) -> datetime | None:
    """Return a time in UTC; for a day, its beginning."""
    found = day_or_moment(given)
    return found if found is None or isinstance(found, datetime) else start_of(found, UTC)


def start_of(day: date, zone: tzinfo, days_later: int = 0) -> datetime:
    """When ``day``, or one some days later, begins in ``zone``, in UTC."""
    try:
        return datetime.combine(day + timedelta(days=days_later), time.min, zone).astimezone(UTC)
    except OverflowError:
        return LATEST if day.year > 1 else EARLIEST


def time_zone(given: str) -> ZoneInfo | None:
    """Return a zone of the IANA database, such as ``America/Chicago``."""
    name = given.strip()
    if not name:
        return None
    if name not in _zones():
        raise InvalidValue("value_error", "Value error, unknown time zone; a name such as America/Chicago is expected")
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) | {"UTC"}
