"""Repair of cells that a spreadsheet has changed: formula errors, texts written as formulas, shortened numbers.

Only for files that a spreadsheet may have written. ``formula_escape.escape`` protects such texts in exports.
"""

import re

from crm_project.validation import InvalidValue

# "#N/A", "#REF!", "#NAME?", other languages' "#NV", "#WERT!" and "#¡VALOR!", and "####" for a column too narrow.
_ERROR = r"#(?:N/?A|N/?D|N/?V|¡?[A-ZÀ-Ý][A-Z0-9/_À-Ý]+[!?]|#+)"
_AS_FORMULA = r'="[^"]*"'
_ROUND = r"[0-9]+\.0+"  # 5550101.0
_SHORTENED = r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,3}"  # 4.47E+11
DAMAGE = f"(?:{_ERROR}|{_AS_FORMULA}|{_ROUND}|{_SHORTENED})"  # of a text that the import would repair or reject

_error = re.compile(_ERROR)
_dressed = re.compile(r'="([^"]*)"')
_round = re.compile(_ROUND)
_shortened = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,3})")


def restore(text: str) -> str:
    """Return the value of a cell that starts with ``=`` or ``#``: 5550101 for ``="5550101"``.

    Raises ``InvalidValue`` for a formula error.
    """
    inner = as_formula(text)
    if inner is not None:
        return inner
    if _error.fullmatch(text.strip()):
        raise InvalidValue("spreadsheet_error", f"a spreadsheet's error ({text.strip()}), not a value")
    return text


def as_formula(text: str) -> str | None:
    """Return the text inside a formula like ``="5550101"``; ``None`` for any other text."""
    match = _dressed.fullmatch(text.strip())
    return match.group(1) if match else None


def telephone(text: str) -> str:
    """Return the digits of a telephone number like ``5.55E+6`` or ``5550101.0``; other texts unchanged.

    Raises ``InvalidValue`` if digits were lost.
    """
    number = text.strip()
    if _round.fullmatch(number):
        return number.partition(".")[0]
    if not (match := _shortened.fullmatch(number)):
        return text
    digits, zeros = match.group(1) + (match.group(2) or ""), int(match.group(3))
    if len(digits) != zeros + 1:
        raise InvalidValue("shortened_number", "a spreadsheet has shortened this number, so its last digits are lost")
    return digits
