"""JSON Schemas of the values that ``crm_project/validation.py`` accepts: what a field's rule says of itself to clients.

A value that fits its schema is accepted, and but for corners no schema can say well (twenty thousand characters and
white space around them, midnight for a day, "-0"), one that does not is refused. Patterns mean the same in ECMA-262
and in Python's ``re``; white space is spelt out because the two differ on ``\\s``. Lengths are in the patterns, because
they count after trimming.
"""

from typing import Any

from crm_project.validation import MAX_BIGINT, MAX_INT

JSONSchema = dict[str, Any]

# What str.strip() takes away.
SPACES = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
PADDING = f"[{SPACES}]*"
ANY = r"[^\x00]"
INK = rf"[^\x00{SPACES}]"
MAX_PATTERN = 1000  # engines that compile to automata refuse counting further

_local = rf"[^@{SPACES}\x00-\x1f\x7f-\x9f]"
_label = rf"[^@.{SPACES}\x00-\x1f\x7f-\x9f]"
_address = rf"{_local}+@{_label}+(?:\.{_label}+)+"
# An address of a lead, as ``validation.LEAD_EMAIL`` has it; invisible characters beyond U+FFFF are accepted here.
_excluded = (
    rf'@{SPACES}\x00-\x1f\x7f-\x9f<>()\[\],;:"\\\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e'
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
)
_quoted = rf'"[^"@{SPACES}\x00-\x1f\x7f-\x9f]*"'
_lead_address = rf"(?=[^@])[^{_excluded}]*(?:{_quoted}[^{_excluded}]*)*@[^.{_excluded}]+(?:\.[^.{_excluded}]+)+"
_digits = {MAX_BIGINT: 18, MAX_INT: 9}  # so many digits are below the bound whatever they are
_words = ("true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0")

TIMESTAMP: JSONSchema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}$",
    "description": "UTC, always six digits, no zone suffix",
    "examples": ["2025-10-07T18:10:00.000000"],
}
DAY: JSONSchema = {"type": "string", "format": "date", "examples": ["2025-10-03"]}


def text(longest: int, shortest: int = 0, about: str = "", **more: Any) -> JSONSchema:
    """Text of ``shortest`` to ``longest`` characters after trimming, any but NUL."""
    described = {"description": _sentence(about, longest, shortest), **more}
    if longest > MAX_PATTERN:
        return {"type": "string", "maxLength": longest, "pattern": f"^{ANY}*$", **described}
    lengths = {"minLength": shortest} if shortest else {}
    return {"type": "string", **lengths, "pattern": f"^{PADDING}{_inked(longest, shortest)}{PADDING}$", **described}


def _sentence(about: str, longest: int, shortest: int) -> str:
    limits = f"{shortest} to {longest} characters" if shortest else f"at most {longest} characters"
    return f"{about}; {limits}, trimmed" if about else f"{limits.capitalize()}, trimmed"


def _inked(longest: int, shortest: int) -> str:
    """What is left after trimming: it starts and ends with a character that is not white space."""
    if shortest > 1:
        return f"{INK}{ANY}{{{shortest - 2},{longest - 2}}}{INK}"
    some = f"{INK}(?:{ANY}{{0,{longest - 2}}}{INK})?"
    return some if shortest else f"(?:{some})?"


def untrimmed(longest: int | None = None, shortest: int = 0, **more: Any) -> JSONSchema:
    """Text whose spaces count: passwords."""
    lengths = {"minLength": shortest} if shortest else {}
    return {"type": "string", **lengths, **({"maxLength": longest} if longest else {}), "pattern": f"^{ANY}*$", **more}


def email(longest: int = 254) -> JSONSchema:
    """An address as ``validation.EMAIL`` has it (wider than JSON Schema's ``format: email``: IDN, ``a@b.c``)."""
    return _email(_address, longest, "An e-mail address")


def lead_email(longest: int = 254, about: str = "") -> JSONSchema:
    """The address of a lead as ``validation.LEAD_EMAIL`` has it, or ""."""
    return _email(f"(?:{_lead_address})?", longest, about)


def _email(address: str, longest: int, about: str) -> JSONSchema:
    short_enough = f"(?=[^{SPACES}]{{0,{longest}}}{PADDING}$)"
    return {
        "type": "string",
        "pattern": f"^{PADDING}{short_enough}(?:{address}){PADDING}$",
        "description": _sentence(about, longest, 0),
        "examples": ["a1@example.com"],
    }


def integer(lowest: int, highest: int, blank: bool = False, **more: Any) -> JSONSchema:
    """A whole number, or one in a string of digits as HTML inputs send it; with ``blank`` also ""."""
    pattern = f"^{PADDING}(?:0*[0-9]{{1,{_digits[highest]}}}){'?' if blank else ''}{PADDING}$"
    return {"type": ["integer", "string"], "minimum": lowest, "maximum": highest, "pattern": pattern, **more}


def boolean(**more: Any) -> JSONSchema:
    """A truth value, 0 or 1, or one of the usual words in any case."""
    spellings = "|".join("".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word) for word in _words)
    pattern = f"^{PADDING}(?:{spellings}){PADDING}$"
    return {"type": ["boolean", "integer", "string"], "minimum": 0, "maximum": 1, "pattern": pattern, **more}
