"""Amounts of money and budgets as people write them, to whole units.

What decides about separators: money has at most two decimals, so a single dot or comma with exactly three digits after
it divides thousands (``1.234`` and ``1,234`` are 1234); with one or two digits after it, it is the decimal point.
Before ``k`` or ``M`` three digits can mean either (``1.250M``), and are refused.

``amount`` and ``price`` read what they are given or raise ``InvalidValue``. ``read_budget`` reads a budget as offices
have them in lists, where an amount below a thousand is in thousands, and a few thousand are a rent.
"""

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from crm_project.validation import InvalidValue

LONGEST = 80
LOWEST = 10_000  # units of a budget; less is a rent
MOST = 10**13  # units; more is no budget
FEWEST_THOUSANDS = 10
_SCALES = {"k": 10**3, "tsd": 10**3, "thousand": 10**3, "m": 10**6, "mm": 10**6, "mn": 10**6, "mio": 10**6}
_SCALES |= dict.fromkeys(("million", "millions"), 10**6)  # not "mil": a thousand in Spanish
_SCALES |= dict.fromkeys(("lakh", "lakhs", "lac", "lacs"), 10**5) | dict.fromkeys(("cr", "crore", "crores"), 10**7)

_CURRENCY = (
    r"(?:(?:us|a|c|ca|au|nz|hk|s|r|mx)?[$€£¥₹₽₺₪₩₫฿₱₦]|zł|kč|rs\.?"
    r"|(?:usd|eur|gbp|cad|aud|nzd|chf|sek|nok|dkk|inr|aed|brl|clp|cop|czk|hkd|huf|ils|jpy|krw|mxn|myr|php|pln|qar|ron"
    r"|rub|sar|sgd|thb|try|uah|zar|fr|kr|euros?|dollars?|pounds?|sterling)\b\.?)"
)
_amount = re.compile(
    rf"{_CURRENCY}?\s*{_CURRENCY}?\s*(\d(?:[\d.,'’ ]*\d)?)\s*(?:({'|'.join(_SCALES)})(?![a-z]))?\.?\s*(?:[.,]-+)?"
    rf"\s*{_CURRENCY}?(\s*\+)?",
    re.IGNORECASE | re.ASCII,
)
_plain = re.compile(r"\d+", re.ASCII)
_thousands = re.compile(r"[1-9]\d{0,2}(?:([.,'’ ])\d{3})(?:\1\d{3})*")
_both = re.compile(r"([1-9]\d{0,2}(?:([.,'’ ])\d{3})(?:\2\d{3})*)(?!\2)[.,](\d+)")
_decimal = re.compile(r"(\d+)[.,](\d+)")
_DASH = r"-|–|—|−|‐|‑|~|\.\.+"
_range = re.compile(rf"(?:between\s+|from\s+)?(.*\S)\s*(?:{_DASH}|/|\bto\b|\band\b|\buntil\b)\s*(.+)", re.IGNORECASE)
_AT_MOST = (
    r"up\s*to|under|below|less\s+than|lower\s+than|no\s+more\s+than|not\s+(?:over|above)|at\s+most|max\.?|maximum|until"
    r"|<\s*=?|≤|bis|jusqu'à|hasta|até|fino\s+a"
)
_AT_LEAST = (
    r"over|above|more\s+than|greater\s+than|higher\s+than|at\s+least|from|min\.?|minimum|start(?:ing|s)?\s+(?:at|from)"
    r"|>\s*=?|≥|ab|desde|à\s+partir\s+de|a\s+partir\s+de|da"
)
_LESS = r"(?:or|and|&)\s+(?:less|below|under|lower|down)|max\.?|maximum|tops|at\s+most"
_MORE = r"(?:or|and|&)\s+(?:more|above|over|up|higher|greater)|min\.?|minimum|plus|at\s+least"
_at_most = re.compile(rf"(?:{_AT_MOST})\s*:?\s*(.+)", re.IGNORECASE)
_at_least = re.compile(rf"(?:{_AT_LEAST})\s*:?\s*(.+)", re.IGNORECASE)
_or_less = re.compile(rf"(.*\S)(?<!\bno)\s+(?:{_LESS})", re.IGNORECASE)
_or_more = re.compile(rf"(.*\S)(?:\s+(?:{_MORE})|\s*\+)", re.IGNORECASE)
_least_and_most = re.compile(r"min(?:imum|\.)?\s*:?\s*(.*?\d.*?)[\s,;/-]+max(?:imum|\.)?\s*:?\s*(.+)", re.IGNORECASE)
_most_and_least = re.compile(r"max(?:imum|\.)?\s*:?\s*(.*?\d.*?)[\s,;/-]+min(?:imum|\.)?\s*:?\s*(.+)", re.IGNORECASE)
_about = re.compile(
    r"(?:~|≈|±|\+/-|around|about|approx(?:\.|imately)?|circa|ca\.|c\.|roughly|budget|price)\s*:?\s*(?=.*\d)",
    re.IGNORECASE,
)
_end = re.compile(r"\s*(?:[.,]|\?+)$")
_rent = re.compile(
    r"/\s*(?:mo|month|m|mth|wk|week|w|night|day|pm|pcm)\b|\b(?:per|a|each|every)\s+(?:month|week|night|day)\b"
    r"|\b(?:monthly|weekly|pcm|p\.?c?\.?m\.?|pw|rent|rental)(?![a-z])",
    re.IGNORECASE,
)
_no_limit = re.compile(
    r"(?:no|without)\s+(?:min|minimum|max|maximum|limits?|preference|budget|price|idea)|any(?:\s+(?:price|budget|amount))?"
    r"|tbd|to\s+be\s+determined|tbc|flexible|just\s+(?:looking|browsing)|browsing|looking|open|negotiable|unlimited"
    r"|not\s+sure(?:\s+yet)?|unsure|undecided|do(?:es)?n'?t\s+(?:know|matter)|no\s+preference|not\s+(?:specified|provided"
    r"|set|given)|unspecified|depends|varies|none\s+given",
    re.IGNORECASE,
)
NOT_AN_AMOUNT = "not an amount of money; write 450000, $450,000, 450k or 1.2M"

Ends = tuple[int | None, int | None]


class Budget(NamedTuple):
    """Both ends of a budget, the kinds of repairs, and whether a part of the cell was not read."""

    lowest: int | None = None
    highest: int | None = None
    repairs: tuple[str, ...] = ()
    unread: bool = False


def amount(value: object) -> int:
    """Return one amount in whole units; raises ``InvalidValue``."""
    if isinstance(value, str):
        return _whole(*_parsed(_folded(value)))
    return _number(value)


def price(value: object) -> Ends:
    """Return the lowest and highest amount of a price: a single one is the highest, ``300k-450k`` gives both.

    ``up to 450k`` is a highest, ``300k+`` and ``from 300k`` a lowest amount. Raises ``InvalidValue``.
    """
    if not isinstance(value, str):
        return None, _number(value)
    (lowest, low_scale), (highest, scale) = _ends(_folded(value))
    return (
        None if lowest is None else _whole(lowest, low_scale),
        None if highest is None else _whole(highest, scale),
    )


def is_plain(value: object) -> bool:
    """Return whether a cell is the digits of an amount that is taken as it is."""
    return value.__class__ is str and 4 < len(value) < 13 and value.isdecimal() and value[0] > "0"


@lru_cache(maxsize=4096)
def read_budget(text: str) -> Budget:
    """Return the budget that a cell means. Never raises: what cannot be read is ``unread``."""
    try:
        folded = _folded(text).strip(" .,;") if not is_plain(text) else text
        if _no_limit.fullmatch(folded):
            return Budget(repairs=("budget_without_limit",))
        if _rent.search(folded):
            return Budget(unread=True)
        ends = _ends(folded)
    except InvalidValue:
        return Budget(unread=True)
    return _settled(*(_in_thousands(*end) for end in ends))


class _End(NamedTuple):
    value: Decimal | None
    repair: str = ""


def _in_thousands(number: Decimal | None, scale: int) -> _End:
    """Return one end of a budget in currency units."""
    if number is None:
        return _End(None)
    if scale == 1 and number == number.to_integral_value() and FEWEST_THOUSANDS <= number < 1000:
        return _End(number * 1000, "budget_in_thousands")
    units = number * scale
    if units > 0 and units != units.to_integral_value():
        return _End(Decimal(int(units)), "budget_without_cents")
    return _End(units)


def _settled(low: _End, high: _End) -> Budget:
    """Return a budget of two ends. Zero is no limit; an end out of range is not read."""
    repairs = {repair for _, repair in (low, high) if repair}
    if "budget_in_thousands" in repairs and any(end.value and not end.repair for end in (low, high)):
        return Budget(unread=True)  # 300-450,000 could mean two things
    found: list[int | None] = []
    unread = False
    for value, _ in (low, high):
        if not value:
            found.append(None)
            repairs |= {"budget_without_limit"} if value is not None else set()
        elif LOWEST <= value < MOST:
            found.append(int(value))
        else:
            found.append(None)
            unread = True
    lowest, highest = found
    return Budget(lowest, highest, tuple(sorted(repairs)), unread)


Number = tuple[Decimal | None, int]
_NOTHING: Number = (None, 1)


def _ends(text: str) -> tuple[Number, Number]:
    """Return the lowest and the highest amount with their scales; raise ``InvalidValue``."""
    if match := _least_and_most.fullmatch(text):
        return _both_ends(match.group(1), match.group(2))
    if match := _most_and_least.fullmatch(text):
        return _both_ends(match.group(2), match.group(1))
    text = _about.sub("", text, count=1) if _about.match(text) else text
    if match := _at_most.fullmatch(text) or _or_less.fullmatch(text):
        return _NOTHING, _parsed(match.group(1))
    if match := _or_more.fullmatch(text):
        return _parsed(match.group(1)), _NOTHING
    if match := _range.fullmatch(re.sub(r"[.,]-+$", "", text)):
        return _both_ends(match.group(1), match.group(2))
    if match := _at_least.fullmatch(text):
        return _parsed(match.group(1)), _NOTHING
    return _NOTHING, _parsed(_end.sub("", text))


def _both_ends(low: str, high: str) -> tuple[Number, Number]:
    if _no_limit.fullmatch(low.strip()):
        return _NOTHING, _parsed(_end.sub("", high))
    if _no_limit.fullmatch(high.strip()):
        return _parsed(low), _NOTHING
    highest, scale = _parsed(_end.sub("", high))
    lowest, own_scale = _parsed(low)
    # "300-450k" means 300k: a scale is said once, behind the range. "500-1M" and "450-500,000" could mean two things.
    short = own_scale == 1 and 0 < lowest < 1000
    if short and (lowest > highest if scale > 1 else highest >= 100_000):
        raise InvalidValue("int_parsing", "ambiguous: write both ends of the range in full")
    return (lowest, own_scale if own_scale > 1 or lowest > highest else scale), (highest, scale)


def _folded(value: str) -> str:
    if len(value) > LONGEST:
        raise InvalidValue("int_parsing", "too long to be an amount of money")
    if any(unicodedata.decomposition(character).startswith(("<super>", "<sub>")) for character in value):
        raise InvalidValue("int_parsing", NOT_AN_AMOUNT)
    return unicodedata.normalize("NFKC", value).strip()


def _parsed(text: str) -> tuple[Decimal, int]:
    """Return the number in ``text`` and its multiplier."""
    match = _amount.fullmatch(text.strip())
    if not match or match.group(3):
        raise InvalidValue("int_parsing", NOT_AN_AMOUNT)
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
