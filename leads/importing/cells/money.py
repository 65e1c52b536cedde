"""Amounts of money as people write them, to whole units.

What decides about separators: money has at most two decimals, so a single dot or comma with exactly three digits after
it divides thousands (``1.234`` and ``1,234`` are 1234); with one or two digits after it, it is the decimal point.
Before ``k`` or ``M`` three digits can mean either (``1.250M``), and are refused.
"""

import re
import unicodedata
from decimal import Decimal

from crm_project.validation import InvalidValue

LONGEST = 80
_SCALES = {"k": 10**3, "tsd": 10**3, "thousand": 10**3, "m": 10**6, "mm": 10**6, "mn": 10**6, "mio": 10**6}
_SCALES |= dict.fromkeys(("million", "millions"), 10**6)  # not "mil": a thousand in Spanish

_CURRENCY = r"(?:(?:us|a|c|ca|au|nz)?[$€£¥₹]|usd|eur|euros?|gbp|cad|aud|nzd|chf|sek|nok|dkk|inr|dollars?|pounds?)"
_amount = re.compile(
    rf"{_CURRENCY}?\s*(\d(?:[\d.,'’ ]*\d)?)\s*(?:({'|'.join(_SCALES)})\b)?\.?\s*(?:[.,]-+)?\s*{_CURRENCY}?(\s*\+)?",
    re.IGNORECASE | re.ASCII,
)
_plain = re.compile(r"\d+", re.ASCII)
_thousands = re.compile(r"[1-9]\d{0,2}(?:([.,'’ ])\d{3})(?:\1\d{3})*")
_both = re.compile(r"([1-9]\d{0,2}(?:([.,'’ ])\d{3})(?:\2\d{3})*)(?!\2)[.,](\d+)")
_decimal = re.compile(r"(\d+)[.,](\d+)")
_range = re.compile(r"(?:between\s+|from\s+)?(.*\S)\s*(?:-|–|—|−|~|\.\.+|\bto\b|\band\b)\s*(.+)", re.IGNORECASE)
_at_most = re.compile(r"(?:up\s+to|under|below|less\s+than|max\.?|maximum|until|<=?|≤)\s*(.+)", re.IGNORECASE)
_at_least = re.compile(r"(?:over|above|more\s+than|from|min\.?|minimum|starting\s+at|>=?|≥)\s*(.+)", re.IGNORECASE)


def amount(value: object) -> int:
    """One amount in whole units; raises ``Invalid``."""
    if isinstance(value, str):
        return _whole(*_parsed(_folded(value)))
    return _number(value)


def price(value: object) -> tuple[int | None, int | None]:
    """The lowest and highest amount of a price cell: a single one is the highest, ``300k-450k`` gives both.

    ``up to 450k`` is a highest, ``300k+`` and ``from 300k`` a lowest amount. Raises ``Invalid``.
    """
    if not isinstance(value, str):
        return None, _number(value)
    text = _folded(value)
    if match := _at_most.fullmatch(text):
        return None, _whole(*_parsed(match.group(1)))
    if match := _range.fullmatch(text.removesuffix(",-").removesuffix(".-")):
        return _both_ends(match.group(1), match.group(2))
    if match := _at_least.fullmatch(text):
        return _whole(*_parsed(match.group(1))), None
    if text.endswith("+"):
        return _whole(*_parsed(text[:-1])), None
    return None, _whole(*_parsed(text))


def _both_ends(low: str, high: str) -> tuple[int, int]:
    highest, scale = _parsed(high)
    lowest, own_scale = _parsed(low)
    # "300-450k" means 300k: a scale is said once, behind the range. "500-1M" and "450-500,000" could mean two things.
    short = own_scale == 1 and 0 < lowest < 1000
    if short and (lowest > highest if scale > 1 else highest >= 100_000):
        raise InvalidValue("int_parsing", "ambiguous: write both ends of the range in full")
    return _whole(lowest, own_scale if own_scale > 1 or lowest > highest else scale), _whole(highest, scale)


def _folded(value: str) -> str:
    if len(value) > LONGEST:
        raise InvalidValue("int_parsing", "too long to be an amount of money")
    if any(unicodedata.decomposition(character).startswith(("<super>", "<sub>")) for character in value):
        raise InvalidValue("int_parsing", "not an amount of money; write 450000, $450,000, 450k or 1.2M")
    return unicodedata.normalize("NFKC", value).strip()


def _parsed(text: str) -> tuple[Decimal, int]:
    """The number in ``text`` and what it is to be multiplied by."""
    match = _amount.fullmatch(text.strip())
    if not match or match.group(3):
        raise InvalidValue("int_parsing", "not an amount of money; write 450000, $450,000, 450k or 1.2M")
    scale = _SCALES[match.group(2).lower()] if match.group(2) else 1
    return _decimal_of(match.group(1), scale), scale


def _decimal_of(number: str, scale: int) -> Decimal:
    if _plain.fullmatch(number):
        return Decimal(number)
    if match := _thousands.fullmatch(number):
        if scale > 1 and match.group(1) in ".,":
            raise InvalidValue(
                "int_parsing", "ambiguous: the separator may divide thousands or decimals; write it in full"
            )
        return Decimal(_digits(number))
    if match := _both.fullmatch(number):
        return Decimal(f"{_digits(match.group(1))}.{match.group(3)}")
    if match := _decimal.fullmatch(number):
        return Decimal(f"{match.group(1)}.{match.group(2)}")
    raise InvalidValue("int_parsing", "its separators fit no way of writing numbers; write 450000 or 450,000")


def _digits(number: str) -> str:
    return "".join(re.findall(r"\d", number, re.ASCII))


def _whole(number: Decimal, scale: int) -> int:
    value = number * scale
    if value != value.to_integral_value():
        raise InvalidValue("int_from_float", "a budget is in whole units, without cents")
    return int(value)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue("int_type", "not an amount of money")
    if isinstance(value, float):
        if not value.is_integer():
            raise InvalidValue("int_from_float", "a budget is in whole units, without cents")
        return int(value)
    return value
