"""Moments as exports write them, to UTC.

ISO (``2025-10-03``, ``2025-10-03T14:22:11Z``, ``20251003``), with slashes (``10/03/2025 2:22 PM``: month first, unless
``date_order`` found that the column has the day first), with the month's name, with dots (``03.10.2025``: day first,
always), as Excel's serial numbers, as Unix seconds or milliseconds. A time without a zone is in the office's zone; a
day without a time is its midnight there.
"""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from math import isfinite
from zoneinfo import ZoneInfo

from crm_project.validation import InvalidValue, normalize

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 80
SERIAL_ZERO = datetime(1899, 12, 30)  # day 0 of Excel's serial numbers
SERIAL_NUMBERS = (20_000, 80_000)
UNIX_SECONDS, UNIX_MILLISECONDS = 10**9, 10**12

# fmt: off
_ENGLISH = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
            "november", "december")
# Months of other languages, normalized, by their first letters.
_OTHER_MONTHS = {
    "enero": 1, "ene": 1, "januar": 1, "janner": 1, "janvier": 1, "janv": 1, "janeiro": 1, "gennaio": 1, "gen": 1,
    "febrero": 2, "februar": 2, "fevrier": 2, "fevr": 2, "fev": 2, "fevereiro": 2, "febbraio": 2,
    "marzo": 3, "marz": 3, "mars": 3, "marco": 3, "mrz": 3,
    "abril": 4, "abr": 4, "avril": 4, "avr": 4, "aprile": 4,
    "mayo": 5, "mai": 5, "maio": 5, "maggio": 5, "mag": 5,
    "junio": 6, "juni": 6, "juin": 6, "junho": 6, "giugno": 6, "giu": 6,
    "julio": 7, "juli": 7, "juillet": 7, "juil": 7, "julho": 7, "luglio": 7, "lug": 7,
    "agosto": 8, "ago": 8, "aout": 8,
    "septiembre": 9, "setiembre": 9, "septembre": 9, "setembro": 9, "settembre": 9, "set": 9,
    "octubre": 10, "oktober": 10, "okt": 10, "octobre": 10, "outubro": 10, "out": 10, "ottobre": 10, "ott": 10,
    "noviembre": 11, "novembre": 11, "novembro": 11,
    "diciembre": 12, "dic": 12, "dezember": 12, "dez": 12, "decembre": 12, "dezembro": 12, "dicembre": 12,
}
# Zones by the names that American programs use: hours from UTC, or a zone with summer time.
_ZONES: dict[str, int | str] = {
    "Z": 0, "UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "AKST": -9, "AKDT": -8, "HST": -10, "HDT": -9, "AST": -4, "ADT": -3, "ET": "America/New_York",
    "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles", "AKT": "America/Anchorage",
    "HT": "Pacific/Honolulu", "EASTERN": "America/New_York", "CENTRAL": "America/Chicago",
    "MOUNTAIN": "America/Denver", "PACIFIC": "America/Los_Angeles",
}
# fmt: on
_TIME = (
    r"(?:(?:T|,?\s+(?:at\s+|um\s+|à\s+|a\s+las\s+)?)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})"
    r"(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?\s?m\.?)?)?"
)
_NAMED = "|".join(sorted((name for name in _ZONES if name != "Z"), key=len, reverse=True))
_ZONE = (
    rf"\s*(?P<zone>\(?(?:{_NAMED})(?:\s+(?:standard\s+|daylight\s+)?time)?\)?(?![+-]?\d)|Z"
    r"|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?)?(?:\s*\([^()]*\)|\[[^\[\]]*\])?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_NAME = r"(?P<name>[^\W\d_]{3,10})\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_OF = r"(?:de\s+)?"
_forms = [
    re.compile(form + _TIME + _ZONE, re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<month>\d{1,2})[/-](?P<day>\d{1,2})[/-](?P<year>\d{4}|\d{2})",
        r"(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4}|\d{2})",
        rf"{_WEEKDAY}{_NAME}[\s-]+{_DAY},?[\s-]+(?P<year>\d{{4}})",
        rf"{_WEEKDAY}{_DAY}[\s-]+{_OF}{_NAME},?[\s-]+{_OF}(?P<year>\d{{4}}|\d{{2}}(?!\d|:))",
    )
]
_slashes = _forms[1]
# "Mon May 13 10:22:11 CDT 2024", as Unix and Java write it.
_year_last = re.compile(
    rf"{_WEEKDAY}(?P<month>{_NAME.replace('(?P<name>', '(?:')}\s+\d{{1,2}})\s+(?P<time>\d{{1,2}}:\d{{2}}(?::\d{{2}})?)"
    r"\s+(?P<zone>[A-Za-z]{1,4}\s+)?(?P<year>\d{4})",
    re.IGNORECASE,
)
_number = re.compile(r"\d{5}(?:\.\d+)?|\d{10}(?:\.\d+)?|\d{13}", re.ASCII)
_compact = re.compile(r"\d{8}(?:T?\d{4}(?:\d{2})?Z?)?", re.ASCII)
RANGE = "a date that is in the future or before 1970"
NOT_A_DATE = "not a date; write 2025-10-03, 10/03/2025 or Oct 3, 2025"


def timestamp(value: object, day_first: bool = False, zone: tzinfo = UTC) -> datetime:
    """Return the timestamp of a cell in UTC; raise ``InvalidValue`` for none, one before 1970, or a future one.

    ``zone`` is where times are that have no zone of their own.
    """
    found = _aware(_read(value, day_first), zone)
    if not EARLIEST <= found <= datetime.now(UTC) + timedelta(days=1):
        raise InvalidValue("datetime_range", RANGE)
    return found


def day(value: object, day_first: bool = False, zone: tzinfo = UTC) -> str:
    """Return the day a cell means, of any year, as ``YYYY-MM-DD``; a time of day is left off, as written."""
    found = _read(value, day_first)
    return (found.astimezone(zone) if _is_unix(value) else found).date().isoformat()


def unambiguous(value: object, day_first: bool = False, zone: tzinfo = UTC, with_offset: bool = False) -> str:
    """Return a date as ISO text that means the same in any column; raises ``InvalidValue`` for none.

    A time without a zone gets the offset of ``zone`` only ``with_offset``; a bare date stays one otherwise.
    """
    found = _read(value, day_first)
    if _is_unix(value):
        found = found.astimezone(zone)
    if found.tzinfo is None and with_offset:
        found = found.replace(tzinfo=zone)
    if found.tzinfo is None and found.time() == time():
        return found.date().isoformat()
    return found.isoformat(" ", "microseconds" if found.microsecond else "seconds")


def _aware(found: datetime, zone: tzinfo) -> datetime:
    try:
        if found.tzinfo is None and zone is UTC:
            return found.replace(tzinfo=UTC)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise InvalidValue("datetime_range", RANGE) from None


def _read(value: object, day_first: bool) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise InvalidValue("datetime_type", "not a date")
    if value[4:5] == "-":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    return _read_text(value.strip(), day_first)


@lru_cache(maxsize=4096)
def _read_text(text: str, day_first: bool) -> datetime:
    if _number.fullmatch(text):
        return _of_number(float(text))
    if _compact.fullmatch(text):
        return _of_compact(text)
    if match := _year_last.fullmatch(text):
        text = f"{match['month']} {match['year']} {match['time']} {match['zone'] or ''}".strip()
    for form in _forms:
        if match := form.fullmatch(text):
            part = match.groupdict()
            if form is not _slashes:
                return _built(part)
            part = _turned(part) if day_first else part
            _check_order(part, day_first)
            return _built(part)
    raise InvalidValue("datetime_parsing", NOT_A_DATE)


def _is_unix(value: object) -> bool:
    number = value.strip() if isinstance(value, str) else value
    if isinstance(number, str):
        return bool(_number.fullmatch(number)) and float(number) >= UNIX_SECONDS
    return isinstance(number, int | float) and not isinstance(number, bool) and number >= UNIX_SECONDS


def _of_number(number: float) -> datetime:
    """Convert a serial number of Excel, or Unix seconds or milliseconds, to a timestamp."""
    if not isfinite(number):
        raise InvalidValue("datetime_type", "not a date")
    lowest, highest = SERIAL_NUMBERS
    if lowest <= number <= highest:
        return SERIAL_ZERO + timedelta(seconds=round(number * 86_400))
    if UNIX_SECONDS <= number < UNIX_MILLISECONDS:
        number *= 1000
    if UNIX_MILLISECONDS <= number < 10**14:
        return EARLIEST + timedelta(milliseconds=round(number))
    if number == int(number) and _compact.fullmatch(text := str(int(number))):
        return _of_compact(text)
    raise InvalidValue("datetime_parsing", NOT_A_DATE)


def _of_compact(text: str) -> datetime:
    """Convert 20240513, 20240513T1022 or 20240513102211 to a timestamp."""
    digits = re.sub(r"\D", "", text)
    form = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[len(digits)]
    try:
        found = datetime.strptime(digits, form)
    except ValueError as error:
        raise InvalidValue("datetime_parsing", f"not a date: {error}") from None
    return found.replace(tzinfo=UTC) if text.endswith("Z") else found


def _turned(part: dict[str, str | None]) -> dict[str, str | None]:
    return {**part, "day": part["month"], "month": part["day"]}


def _check_order(part: dict[str, str | None], day_first: bool) -> None:
    if (month := int(part["month"] or 0)) > 12:
        first, other = ("day", "month-first") if day_first else ("month", "day-first")
        reason = f"dates with slashes in this column have the {first} first (--dates {other} reads them the other way)"
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
    """Return the number of a month from three or more letters of its English name, or its name in another
    language; 0 for no month.
    """
    if not name:
        return 0
    word = name.lower()
    for number, month in enumerate(_ENGLISH, 1):
        if month.startswith(word) or (word == "sept" and month == "september"):
            return number
    return _OTHER_MONTHS.get(_without_accents(word), 0)


def _without_accents(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", normalize(word)) if letter.isascii())


def _clock(part: dict[str, str | None]) -> tuple[int, int, int]:
    hour = int(part["hour"] or 0)
    if half := part["half"]:
        if not 1 <= hour <= 12:
            raise InvalidValue("datetime_parsing", "not a time of day")
        hour = hour % 12 + 12 * (half[0] in "pP")
    return hour, int(part["minute"] or 0), int(part["second"] or 0)


def _zone(part: dict[str, str | None]) -> tzinfo | None:
    """Return the time zone after a time; ``None`` without one."""
    if not (zone := part["zone"]):
        return None
    words = re.findall(r"[A-Z]+", zone.upper())
    sign = re.search(r"([+-])(\d{1,2}):?(\d{2})?", zone)
    if sign:
        span = timedelta(hours=int(sign[2]), minutes=int(sign[3] or 0))
        return timezone(-span if sign[1] == "-" else span)
    known = _ZONES[words[0]]
    if isinstance(known, str) and len(words) > 2:  # Central Daylight Time
        known = {"EASTERN": -5, "CENTRAL": -6, "MOUNTAIN": -7, "PACIFIC": -8}.get(words[0], 0) + (
            words[1] == "DAYLIGHT"
        )
    return ZoneInfo(known) if isinstance(known, str) else timezone(timedelta(hours=known))
