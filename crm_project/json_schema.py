"""JSON Schemas of the values that ``crm_project/validation.py`` accepts: what a client should send.

What fits its schema is accepted. The validation accepts more (digits in a string, white space around a text); a schema
leaves that out, so that generated clients have plain types, and the descriptions name it. Patterns mean the same in
ECMA-262 and in Python's ``re``.
"""

from collections.abc import Sequence
from typing import Any

from crm_project.validation import MAX_BIGINT, MAX_EMAIL

JSONSchema = dict[str, Any]

ANY = r"[^\x00]"
NOT_BLANK = r"[^\s\x00]"

TIMESTAMP: JSONSchema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z?$",
    "description": "UTC, always six digits; without `Z` unless the request asks for it",
    "examples": ["2025-10-07T18:10:00.000000"],
}
DAY: JSONSchema = {"type": "string", "format": "date", "examples": ["2025-10-03"]}
IDENTIFIER: JSONSchema = {"type": "integer", "format": "int64", "minimum": 1}


def text(longest: int, shortest: int = 0, **more: Any) -> JSONSchema:
    """Return the schema of text of ``shortest`` to ``longest`` characters after trimming, any but NUL."""
    lengths = {"minLength": shortest, "maxLength": longest} if shortest else {"maxLength": longest}
    return {"type": "string", **lengths, "pattern": _pattern(shortest), **more}


def _pattern(shortest: int) -> str:
    if shortest > 1:  # between the first and the last that is not blank, whatever is trimmed around them
        return f"^{ANY}*{NOT_BLANK}{ANY}{{{shortest - 2},}}{NOT_BLANK}{ANY}*$"
    return f"^{ANY}*{NOT_BLANK}{ANY}*$" if shortest else f"^{ANY}*$"


def vocabulary(known: Sequence[str], schema: JSONSchema) -> JSONSchema:
    """Return the schema of a text with values that are known, beside which others are accepted."""
    return {**schema, "examples": list(known), "x-extensible-enum": list(known)}


def untrimmed(longest: int | None = None, shortest: int = 0, **more: Any) -> JSONSchema:
    """Return the schema of text whose spaces count: passwords."""
    lengths = {"minLength": shortest} if shortest else {}
    return {"type": "string", **lengths, **({"maxLength": longest} if longest else {}), "pattern": _pattern(0), **more}


def email(**more: Any) -> JSONSchema:
    """Return the schema of an email address."""
    return {"type": "string", "format": "email", "maxLength": MAX_EMAIL, **more}


def integer(lowest: int, highest: int, **more: Any) -> JSONSchema:
    """Return the schema of an integer."""
    wide = {"format": "int64"} if highest >= MAX_BIGINT else {}
    return {"type": "integer", **wide, "minimum": lowest, "maximum": highest, **more}


def boolean(**more: Any) -> JSONSchema:
    """Return the schema of a truth value."""
    return {"type": "boolean", **more}
