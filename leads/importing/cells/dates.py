"""Moments as exports write them, to UTC.

ISO (``2025-10-03``, ``2025-10-03T14:22:11Z``), with strokes (``10/03/2025 2:22 PM``: month first, unless
``date_order`` found that the column has the day first), with the month's name, and with dots (``03.10.2025``: day
first, always). Without a zone a moment is UTC; without a time it is midnight.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

from crm_project.validation import InvalidValue

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 64

# fmt: off
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")
# fmt: on
_TIME = (
    r"(?:(?:T|,?\s+(?:at\s+)?)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?)?"
)
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
_forms = [
    re.compile(form + _TIME + _ZONE, re.IGNORECASE | re.ASCII)
    for form in (
        r"(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})",
        r"(?P<month>\d{1,2})[/-](?P<day>\d{1,2})[/-](?P<year>\d{4}|\d{2})",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
        rf"{_WEEKDAY}{_NAME}\s+{_DAY},?\s+(?P<year>\d{{4}})",
        rf"{_WEEKDAY}{_DAY}[\s-]+{_NAME},?[\s-]+(?P<year>\d{{4}})",
    )
]
_strokes = _forms[1]


def moment(value: object, day_first: bool = False) -> datetime:
    """The aware UTC moment a cell means; raises ``Invalid`` for none, one before 1970 and one still to come."""
    found = _aware(_read(value, day_first))
    if not EARLIEST <= found <= datetime.now(UTC) + timedelta(days=1):
        raise InvalidValue("datetime_range", "a date that is in the future or before 1970")
    return found


def day(value: object, day_first: bool = False) -> str:
    """The day a cell means, of any year, as ``YYYY-MM-DD``; a time of day and its zone are left off, as written."""
    return _read(value, day_first).date().isoformat()


def _aware(found: datetime) -> datetime:
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise InvalidValue("datetime_range", "a date that is in the future or before 1970") from None


def _read(value: object, day_first: bool) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not isinstance(value, str) or len(value) > LONGEST:
        raise InvalidValue("datetime_type", "not a date")
    if value[4:5] == "-":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    for form in _forms:
        if match := form.fullmatch(value.strip()):
            part = match.groupdict()
            if form is not _strokes:
                return _built(part)
            part = _turned(part) if day_first else part
            _check_order(part, day_first)
            return _built(part)
    raise InvalidValue("datetime_parsing", "not a date; write 2025-10-03, 10/03/2025 or Oct 3, 2025")


def _turned(part: dict[str, str | None]) -> dict[str, str | None]:
    return {**part, "day": part["month"], "month": part["day"]}


def _check_order(part: dict[str, str | None], day_first: bool) -> None:
    if (month := int(part["month"] or 0)) > 12:
        first, other = ("day", "month-first") if day_first else ("month", "day-first")
        reason = f"dates with strokes in this column have the {first} first (--dates {other} reads them the other way)"
        raise InvalidValue("datetime_parsing", f"there is no month {month}; {reason}")


def _built(part: dict[str, str | None]) -> datetime:
    month = _month_named(part["name"]) if "name" in part else int(part["month"] or 0)
    year, day = int(part["year"] or 0), int(part["day"] or 0)
    hour, minute, second = _clock(part)
    try:
        return datetime(year + 2000 if year < 100 else year, month, day, hour, minute, second, tzinfo=_zone(part))
    except ValueError as error:
        raise InvalidValue("datetime_parsing", f"not a date: {error}") from None


def _month_named(name: str | None) -> int:
    """The number of a month by at least three letters of its English name; 0 for none."""
    months = [number for number, month in enumerate(_MONTHS, 1) if name and month.startswith(name.lower())]
    return months[0] if months else 0


def _clock(part: dict[str, str | None]) -> tuple[int, int, int]:
    hour = int(part["hour"] or 0)
    if half := part["half"]:
        if not 1 <= hour <= 12:
            raise InvalidValue("datetime_parsing", "not a time of day")
        hour = hour % 12 + 12 * (half[0] in "pP")
    return hour, int(part["minute"] or 0), int(part["second"] or 0)


def _zone(part: dict[str, str | None]) -> timezone:
    zone = part["zone"]
    if not zone or zone.upper() in ("Z", "UTC", "GMT"):
        return UTC
    sign = -1 if zone[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])))
