"""Validation of texts, integers, email addresses, dates and booleans, and the normalization of text.

The functions are pure and take about a microsecond each; the API, the back office and the import share them. They
return the clean value or raise ``InvalidValue`` with Pydantic v2's error type and message, which are part of the API.
"""

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

MAX_BIGINT = 2**63 - 1  # a signed 64-bit column
MAX_INT = 2**31 - 1
MAX_EMAIL = 254
UNKNOWN_ADDRESS = "unknown"  # in place of a client's IP address that cannot be read

# One "@", a local part, a domain of two or more labels, no white space, no control characters.
EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@.\s\x00-\x1f\x7f-\x9f]+(\.[^@.\s\x00-\x1f\x7f-\x9f]+)+$"
# Invisible characters: Unicode's category Cf.
FORMAT_CHARACTERS = (
    r"\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0001\U000e0020-\U000e007f"
)
# A lead's address has none of these characters, and no invisible ones. A quoted local part may have them.
_NOT_IN_ADDRESS = r'@\s\x00-\x1f\x7f-\x9f<>()\[\],;:"\\'
_PLAIN = f"[^{_NOT_IN_ADDRESS}]"
_QUOTED = r'"[^"@\s\x00-\x1f\x7f-\x9f]*"'
LEAD_EMAIL = rf"^(?=[^@]){_PLAIN}*(?:{_QUOTED}{_PLAIN}*)*@[^.{_NOT_IN_ADDRESS}]+(\.[^.{_NOT_IN_ADDRESS}]+)+$"
# A date, or the ISO timestamp of its midnight in any zone, as date pickers send it.
DATE = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?(Z|[+-][0-2]\d:?[0-5]\d)?)?$"

_email = re.compile(EMAIL, re.ASCII)
_lead_email = re.compile(LEAD_EMAIL, re.ASCII)
_format_character = re.compile(f"[{FORMAT_CHARACTERS}]")
_space_beyond_ascii = re.compile(r"\s")
_integer = re.compile(r"\s*-?[0-9]+\s*\Z")
_day = re.compile(DATE, re.ASCII)
_day_with_time = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", re.ASCII)
_not_digit = re.compile(r"[^0-9]+")
_no_digits = bytes(code for code in range(128) if not chr(code).isdigit())
_true = frozenset(("true", "t", "yes", "y", "on", "1"))
_false = frozenset(("false", "f", "no", "n", "off", "0"))

KEY_LENGTH = 200
# Longer texts are not normalized as a whole: the time grows with the square of the number of combining marks, and is
# about 10 ms at this length. Texts that are compared in a column are shorter.
MAX_NORMALIZED = 10 * KEY_LENGTH
MAX_RUN = 500  # characters other than ASCII that ``normalize_long`` normalizes together
_piece = re.compile(rf"[\x00-\x7f]*[^\x00-\x7f]{{0,{MAX_RUN}}}")


class InvalidValue(ValueError):
    """An invalid value, with Pydantic's error type and message."""

    def __init__(self, type: str, msg: str) -> None:
        super().__init__(msg)
        self.type = type
        self.msg = msg


class FieldError(NamedTuple):
    """An invalid value: Pydantic's error type, its location such as ``("email",)``, the message, and the value."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: Any


MISSING = ("missing", "Field required")
NOT_AN_OBJECT = ("model_attributes_type", (), "Input should be a valid dictionary or object to extract fields from")


def check_text(value: str) -> str:
    """Return the text; raise ``InvalidValue`` for NUL, which PostgreSQL cannot store, and for unpaired surrogates."""
    if "\0" in value:
        raise InvalidValue("value_error", "Value error, text must not contain the NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidValue(
                "string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string"
            ) from None
    return value


def text(value: object, max_length: int, min_length: int = 0) -> str:
    """Return trimmed text of ``min_length`` to ``max_length`` characters."""
    if not isinstance(value, str):
        raise InvalidValue("string_type", "Input should be a valid string")
    if not value.isascii() or "\0" in value:  # saves the call for most texts
        check_text(value)
    value = value.strip()
    if not min_length <= len(value) <= max_length:
        check_length(value, max_length, min_length)
    return value


def check_length(value: str, max_length: int, min_length: int) -> None:
    """Raise ``InvalidValue`` for text that is too long or too short."""
    if len(value) > max_length:
        raise InvalidValue("string_too_long", f"String should have at most {max_length} characters")
    if len(value) < min_length:
        raise InvalidValue(
            "string_too_short", f"String should have at least {min_length} character{'s' * (min_length > 1)}"
        )


def lower_text(value: object, max_length: int, min_length: int = 0) -> str:
    """Return trimmed text in lower case: a status or an activity type.

    The length is checked again after lower-casing, which can lengthen a text ("İ" becomes two characters).
    """
    word = text(value, max_length, min_length).lower().strip()
    check_length(word, max_length, min_length)
    return word


def integer(value: object, minimum: int, maximum: int) -> int:
    """Return an integer from a JSON integer, an integral float, or a string of digits as HTML inputs send it."""
    if isinstance(value, bool) or not isinstance(value, int):
        value = _to_integer(value)
    if value < minimum:
        raise InvalidValue("greater_than_equal", f"Input should be greater than or equal to {minimum}")
    if value > maximum:
        raise InvalidValue("less_than_equal", f"Input should be less than or equal to {maximum}")
    return value


def _to_integer(value: object) -> int:
    if isinstance(value, str):
        if not _integer.match(value):
            raise InvalidValue("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
        digits = value.strip()
        # int() rejects thousands of digits. 40 significant digits are outside every range used here.
        return int("-" * digits.startswith("-") + (digits.lstrip("-0")[:40] or "0"))
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise InvalidValue("finite_number", "Input should be a finite number")
        if not value.is_integer():
            raise InvalidValue("int_from_float", "Input should be a valid integer, got a number with a fractional part")
        return int(value)
    raise InvalidValue("int_type", "Input should be a valid integer")


def email(value: object, blank: bool = False) -> str:
    """Return an email address that matches ``EMAIL``; with ``blank`` also an empty text."""
    address = text(value, MAX_EMAIL)
    if not address and blank:
        return address
    if not _email.match(address) or (not address.isascii() and has_space_or_control(address)):
        raise InvalidValue("value_error", "value is not a valid email address")
    return address


def lead_email(value: object) -> str:
    """Return the email address of a lead as ``LEAD_EMAIL`` has it, or "" for a lead without one."""
    address = text(value, MAX_EMAIL)
    if not address:
        return address
    if not _lead_email.match(address) or (
        not address.isascii() and (has_space_or_control(address) or _format_character.search(address))
    ):
        raise InvalidValue("value_error", "value is not a valid email address")
    return address


def has_space_or_control(value: str) -> bool:
    """Return whether ``value`` contains white space or control characters of any script."""
    return bool(_space_beyond_ascii.search(value)) or any(unicodedata.category(c) == "Cc" for c in value)


def date(value: object) -> datetime.date:
    """Return a date from ``YYYY-MM-DD``, or from an ISO timestamp at midnight as Pydantic accepts it."""
    if not isinstance(value, str):
        raise InvalidValue("date_type", "Input should be a valid date")
    value = value.strip()
    if not _day.match(value):
        if _day_with_time.match(value):
            raise InvalidValue(
                "date_from_datetime_inexact", "Datetimes provided to dates should have zero time - e.g. be exact dates"
            )
        raise InvalidValue(
            "date_from_datetime_parsing", "Input should be a valid date or datetime, expected YYYY-MM-DD"
        )
    try:
        return datetime.date.fromisoformat(value[:10])
    except ValueError as error:
        raise InvalidValue("date_from_datetime_parsing", f"Input should be a valid date or datetime, {error}") from None


def boolean(value: object) -> bool:
    """Return a boolean from what Pydantic accepts: a JSON boolean, 0 or 1, or a word such as "yes" in any case."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        if value in (0, 1):
            return bool(value)
        raise InvalidValue("bool_parsing", "Input should be a valid boolean, unable to interpret input")
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _true or word in _false:
            return word in _true
        raise InvalidValue("bool_parsing", "Input should be a valid boolean, unable to interpret input")
    raise InvalidValue("bool_type", "Input should be a valid boolean")


def normalize(value: str) -> str:
    """Return ``value`` normalized for comparison: NFKC, casefold, and NFKC again.

    Python does this and never the database: SQLite converts ASCII only, and PostgreSQL depends on its locale. For a
    text longer than ``MAX_NORMALIZED`` that is not ASCII, return a digest, which no stored value equals.
    """
    if value.isascii():
        return value.lower()
    return _normalize(value) if len(value) <= MAX_NORMALIZED else digest(value)


def normalize_long(value: str) -> str:
    """Return free text of any length, normalized for searching in it, in time proportional to its length.

    The text is normalized in pieces that begin at an ASCII character, because normalization never combines one with the
    character before. Runs of more than ``MAX_RUN`` other characters are split anywhere.
    """
    return value.lower() if value.isascii() else "".join(map(_normalize, _piece.findall(value)))


def _normalize(value: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())


def digest(value: str) -> str:
    """Return the key of a text that is too long to be compared itself."""
    return "sha256:" + sha256(value.encode(errors="surrogatepass")).hexdigest()


def normalized_key(value: str) -> str:
    """Return the normalized text for indexes and comparisons, or a digest if it is too long."""
    return truncate_key(normalize(value.strip()).strip())


def truncate_key(normalized: str) -> str:
    """Return a normalized text as a key: itself, or a digest if it is too long for a B-tree page."""
    return normalized if len(normalized) <= KEY_LENGTH else digest(normalized)


def digits(value: str) -> str:
    """Return the digits of a telephone number as ASCII; NFKC converts full-width and other forms."""
    if value.isascii():
        return value.encode().translate(None, _no_digits).decode()
    return _not_digit.sub("", unicodedata.normalize("NFKC", value) if len(value) <= MAX_NORMALIZED else value)


def words(query: str) -> list[str]:
    """Return the normalized, distinct words of a search query, in order."""
    return list(dict.fromkeys(normalize(query).split()))


def with_location(errors: Iterable[FieldError], *prefix: str | int) -> list[FieldError]:
    """Return the errors with ``prefix`` before each location."""
    return [error._replace(loc=(*prefix, *error.loc)) for error in errors]


REQUIRED: Any = object()


class FieldRule(NamedTuple):
    """How one field is validated: its check, whether ``null`` is valid, and the default if the field is missing.

    ``schema`` is the JSON Schema of the values that the check accepts, for OpenAPI (``crm_project.json_schema``).
    """

    check: Callable[[Any], Any]
    nullable: bool = False
    default: Any = REQUIRED
    schema: Mapping[str, Any] = MappingProxyType({})


def validate(
    row: object, rules: Mapping[str, FieldRule], partial: bool = False
) -> tuple[dict[str, Any], list[FieldError]]:
    """Return the clean values of ``row`` under ``rules``, and all errors. Unknown fields are ignored.

    With ``partial``, missing fields are neither errors nor get their defaults.
    """
    if not isinstance(row, dict):
        return {}, [FieldError(*NOT_AN_OBJECT, row)]
    clean_row: dict[str, Any] = {}
    errors: list[FieldError] = []
    for field, (check, nullable, default, _) in rules.items():
        try:
            value = row[field]
        except KeyError:
            if default is not REQUIRED and not partial:
                clean_row[field] = default
            elif not partial:
                errors.append(FieldError(MISSING[0], (field,), MISSING[1], row))
            continue
        if value is None and nullable:
            clean_row[field] = None
            continue
        try:
            clean_row[field] = check(value)
        except InvalidValue as invalid:
            errors.append(FieldError(invalid.type, (field,), invalid.msg, value))
    return clean_row, errors
