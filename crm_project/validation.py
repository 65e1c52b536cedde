"""What a clean text, integer, e-mail address, date or truth value is, and how text is folded.

Pure functions, a microsecond or so each: the API, the admin and the bulk import judge millions of values with them.
A function returns the clean value or raises ``Invalid`` with the error type and the wording that Pydantic v2 gives
for it, because the API's clients were written against those.
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
UNKNOWN_ADDRESS = "unknown"  # of a client whose network address cannot be read

# One "@", a local part, a domain of two or more labels, no white space, no control characters (decisions: "Values").
EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@.\s\x00-\x1f\x7f-\x9f]+(\.[^@.\s\x00-\x1f\x7f-\x9f]+)+$"
# Characters that nobody sees: category Cf of Unicode.
FORMAT_CHARACTERS = (
    r"\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0001\U000e0020-\U000e007f"
)
# An address of a lead has none of these characters, nor one that nobody sees; the local part may have them in quotes.
_NOT_IN_ADDRESS = r'@\s\x00-\x1f\x7f-\x9f<>()\[\],;:"\\'
_PLAIN = f"[^{_NOT_IN_ADDRESS}]"
_QUOTED = r'"[^"@\s\x00-\x1f\x7f-\x9f]*"'
LEAD_EMAIL = rf"^(?=[^@]){_PLAIN}*(?:{_QUOTED}{_PLAIN}*)*@[^.{_NOT_IN_ADDRESS}]+(\.[^.{_NOT_IN_ADDRESS}]+)+$"
# A calendar day, or the ISO timestamp of its midnight, in whatever zone: date pickers send those.
DATE = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?(Z|[+-][0-2]\d:?[0-5]\d)?)?$"
DIGITS = r"^\s*[0-9]+\s*$"

_email = re.compile(EMAIL, re.ASCII)
_lead_email = re.compile(LEAD_EMAIL, re.ASCII)
_format_character = re.compile(f"[{FORMAT_CHARACTERS}]")
_space_beyond_ascii = re.compile(r"\s")
_integer = re.compile(r"\s*-?[0-9]+\s*\Z")
_day = re.compile(DATE, re.ASCII)
_day_with_time = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", re.ASCII)
_not_digit = re.compile(r"[^0-9]+")
_no_digits = {code: None for code in range(128) if not chr(code).isdigit()}
_true = frozenset(("true", "t", "yes", "y", "on", "1"))
_false = frozenset(("false", "f", "no", "n", "off", "0"))

KEY_LENGTH = 200
# Characters of a text that is normalized as a whole. Putting combining marks in order takes time that grows with the
# square of their number, so this is what bounds it (to some 10 ms); nothing that a column compares by is as long.
MAX_NORMALIZED = 10 * KEY_LENGTH
MAX_RUN = 500  # characters without an ASCII one among them that a longer text is normalized by, at most
_piece = re.compile(rf"[\x00-\x7f]*[^\x00-\x7f]{{0,{MAX_RUN}}}")


class InvalidValue(ValueError):
    """A value refused: ``type`` is Pydantic's name for the kind of error, ``msg`` its sentence for people."""

    def __init__(self, type: str, msg: str) -> None:
        super().__init__(msg)
        self.type = type
        self.msg = msg


class FieldError(NamedTuple):
    """One bad value: Pydantic's error type, the path to it (``("email",)``), the sentence, and what was given."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: Any


MISSING = ("missing", "Field required")
NOT_AN_OBJECT = ("model_attributes_type", (), "Input should be a valid dictionary or object to extract fields from")


def check_text(value: str) -> str:
    """Refuse what no column can hold: NUL (PostgreSQL) and unpaired surrogates (UTF-8)."""
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


def text(value: object, longest: int, shortest: int = 0) -> str:
    """Trimmed text of ``shortest`` to ``longest`` characters."""
    if not isinstance(value, str):
        raise InvalidValue("string_type", "Input should be a valid string")
    if not value.isascii() or "\0" in value:  # most text is spared the call
        check_text(value)
    value = value.strip()
    if not shortest <= len(value) <= longest:
        check_length(value, longest, shortest)
    return value


def check_length(value: str, longest: int, shortest: int = 0) -> None:
    """Refuse text that is too long or too short, in Pydantic's words."""
    if len(value) > longest:
        raise InvalidValue("string_too_long", f"String should have at most {longest} characters")
    if len(value) < shortest:
        raise InvalidValue(
            "string_too_short", f"String should have at least {shortest} character{'s' * (shortest > 1)}"
        )


def lower_text(value: object, longest: int, shortest: int = 0) -> str:
    """A word of an open vocabulary (status, activity type): trimmed, lower case.

    Judged after lower-casing, because that can lengthen a word ("İ" becomes two characters).
    """
    word = text(value, longest, shortest).lower().strip()
    check_length(word, longest, shortest)
    return word


def integer(value: object, lowest: int, highest: int) -> int:
    """An integer from a JSON integer, an integral float, or digits in a string (HTML inputs send those)."""
    if isinstance(value, bool) or not isinstance(value, int):
        value = _to_integer(value)
    if value < lowest:
        raise InvalidValue("greater_than_equal", f"Input should be greater than or equal to {lowest}")
    if value > highest:
        raise InvalidValue("less_than_equal", f"Input should be less than or equal to {highest}")
    return value


def _to_integer(value: object) -> int:
    if isinstance(value, str):
        if not _integer.match(value):
            raise InvalidValue("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
        digits = value.strip()
        # int() refuses thousands of digits; 40 significant ones are out of every range used here.
        return int("-" * digits.startswith("-") + (digits.lstrip("-0")[:40] or "0"))
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise InvalidValue("finite_number", "Input should be a finite number")
        if not value.is_integer():
            raise InvalidValue("int_from_float", "Input should be a valid integer, got a number with a fractional part")
        return int(value)
    raise InvalidValue("int_type", "Input should be a valid integer")


def email(value: object, longest: int = 254, blank: bool = False) -> str:
    """An e-mail address as ``EMAIL`` has it; with ``blank`` also "" (a lead known by telephone only)."""
    address = text(value, longest)
    if not address and blank:
        return address
    if not _email.match(address) or (not address.isascii() and has_space_or_control(address)):
        raise InvalidValue("value_error", "value is not a valid email address")
    return address


def lead_email(value: object, longest: int = 254) -> str:
    """Return the email address of a lead as ``LEAD_EMAIL`` has it, or "" for a lead without one."""
    address = text(value, longest)
    if not address:
        return address
    if not _lead_email.match(address) or (
        not address.isascii() and (has_space_or_control(address) or _format_character.search(address))
    ):
        raise InvalidValue("value_error", "value is not a valid email address")
    return address


def has_space_or_control(value: str) -> bool:
    """Whether white space or control characters of any script occur in ``value``."""
    return bool(_space_beyond_ascii.search(value)) or any(unicodedata.category(c) == "Cc" for c in value)


def date(value: object) -> datetime.date:
    """A calendar day from ``YYYY-MM-DD``, or from an ISO timestamp at midnight UTC as Pydantic takes it."""
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
    """A truth value as Pydantic takes it: JSON's, 0 and 1, and the usual words in any case."""
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
    """``value`` without differences of case and form: NFKC, then casefold (and NFKC again where casefold undid it).

    Done in Python, never in the database: SQLite folds ASCII alone, PostgreSQL by the locale it runs in. Of a text that
    is not ASCII and longer than ``MAX_NORMALIZED`` it is a digest of the text as it is: nothing stored equals that.
    """
    if value.isascii():
        return value.lower()
    return _normalize(value) if len(value) <= MAX_NORMALIZED else digest(value)


def normalize_long(value: str) -> str:
    """Free text of any length as ``fold`` has it, to look for something in it; the time grows with its length alone.

    It is normalized in pieces that begin at an ASCII character, where normalization never joins two characters. A run
    of more than ``MAX_RUN`` other characters is cut wherever that is.
    """
    return value.lower() if value.isascii() else "".join(map(_normalize, _piece.findall(value)))


def _normalize(value: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())


def digest(value: str) -> str:
    """What stands for a text that is too long to be compared as it is."""
    return "sha256:" + sha256(value.encode(errors="surrogatepass")).hexdigest()


def normalized_key(value: str) -> str:
    """The folded form to index and compare by; a digest where the text, or its folded form, is too long."""
    return truncate_key(normalize(value.strip()).strip())


def truncate_key(folded: str) -> str:
    """A folded form as a key: itself, or its digest where it is too long for a B-tree page."""
    return folded if len(folded) <= KEY_LENGTH else digest(folded)


def digits(value: str) -> str:
    """The ASCII digits of a telephone number, after folding full-width and other forms to ASCII."""
    if value.isascii():
        return value.translate(_no_digits)
    return _not_digit.sub("", unicodedata.normalize("NFKC", value) if len(value) <= MAX_NORMALIZED else value)


def words(query: str) -> list[str]:
    """The folded, distinct words of a search query, in order."""
    return list(dict.fromkeys(normalize(query).split()))


def with_location(problems: Iterable[FieldError], *where: str | int) -> list[FieldError]:
    """The same problems with ``where`` in front of each location."""
    return [problem._replace(loc=(*where, *problem.loc)) for problem in problems]


REQUIRED: Any = object()


class FieldRule(NamedTuple):
    """How one field is validated: its check, whether ``null`` is a value, and what a row without the field gets.

    ``schema`` is the JSON Schema of what the check accepts, for the API's documentation (``crm_project.json_schema``).
    """

    check: Callable[[Any], Any]
    nullable: bool = False
    default: Any = REQUIRED
    schema: Mapping[str, Any] = MappingProxyType({})


def validate(
    row: object, rules: Mapping[str, FieldRule], partial: bool = False
) -> tuple[dict[str, Any], list[FieldError]]:
    """The clean values of ``row`` under ``rules``, and every problem with them; unknown fields are ignored.

    With ``partial``, fields that are not there are neither missed nor given their defaults.
    """
    if not isinstance(row, dict):
        return {}, [FieldError(*NOT_AN_OBJECT, row)]
    clean_row: dict[str, Any] = {}
    problems: list[FieldError] = []
    for field, (check, nullable, default, _) in rules.items():
        try:
            value = row[field]
        except KeyError:
            if default is not REQUIRED and not partial:
                clean_row[field] = default
            elif not partial:
                problems.append(FieldError(MISSING[0], (field,), MISSING[1], row))
            continue
        if value is None and nullable:
            clean_row[field] = None
            continue
        try:
            clean_row[field] = check(value)
        except InvalidValue as invalid:
            problems.append(FieldError(invalid.type, (field,), invalid.msg, value))
    return clean_row, problems
