"""What spreadsheets do to cells: errors of formulas, texts dressed as formulas, numbers cut short.

Only for files that a spreadsheet may have written. ``formula_escape.escape`` keeps such texts as they are in our own
exports.
"""

import re

from crm_project.validation import InvalidValue

# "#N/A", "#REF!", "#NAME?", other languages' "#NV", "#WERT!" and "#¡VALOR!", and "####" for a column too narrow.
_ERROR = r"#(?:N/?A|N/?D|N/?V|¡?[A-ZÀ-Ý][A-Z0-9/_À-Ý]+[!?]|#+)"
_AS_FORMULA = r'="[^"]*"'
_ROUND = r"[0-9]+\.0+"  # 5550101.0
_SHORTENED = r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,3}"  # 4.47E+11
LOOK = f"(?:{_ERROR}|{_AS_FORMULA}|{_ROUND}|{_SHORTENED})"  # of a text that would not be taken as it is

_error = re.compile(_ERROR)
_dressed = re.compile(r'="([^"]*)"')
_round = re.compile(_ROUND)
_shortened = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,3})")


def restore(text: str) -> str:
    """Return what a cell that starts with ``=`` or ``#`` was meant to hold: ``="5550101"`` holds 5550101.

    Raises ``InvalidValue`` for the error of a formula.
    """
    inner = as_formula(text)
    if inner is not None:
        return inner
    if _error.fullmatch(text.strip()):
        raise InvalidValue("spreadsheet_error", f"a spreadsheet's error ({text.strip()}), not a value")
    return text


def as_formula(text: str) -> str | None:
    """Return what a text dressed as a formula holds; ``None`` for any other text."""
    match = _dressed.fullmatch(text.strip())
    return match.group(1) if match else None


def telephone(text: str) -> str:
    """Return a telephone number that a spreadsheet took for a number, as its digits; any other text as it is.

    Raises ``InvalidValue`` where digits were lost.
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
