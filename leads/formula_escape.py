"""The apostrophe that stops a spreadsheet from running a cell as a formula: exports add it, imports remove it.

It also stops the import from repairing a text that only looks like spreadsheet damage.

A spreadsheet with another list separator (``;``, a tab, a bar, a comma) splits a file at other places, and ignores
quotation marks in the middle of a cell. So an apostrophe is also added before a formula character that follows a
separator or a line end within a text. Such a text also gets one at its beginning, which marks it as escaped.

A text that looks escaped gets another apostrophe. An empty text gets one, so that it differs from a missing value. So
``unescape(escape(text)) == text`` for every text.
"""

import re

from leads.spreadsheet_damage import DAMAGE, as_formula

_FORMULA = "=+\\-@＝＋－＠"  # with the full-width forms, which East Asian spreadsheets treat alike
_STARTS = rf'[\s"\ufeff\u200b]*[{_FORMULA}]|[\t\r]'  # the beginning of a cell that a spreadsheet runs, or may run
# A separator, then what may precede the text of a cell: spaces, and a quotation mark that opens it. Of several
# separators only the last one matters.
_DIVIDED = r'([;,|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029][ "\xa0\u3000\ufeff\u200b]*)'
_FOLLOWS = rf"(?='*[{_FORMULA}])"

_runs = re.compile(rf"(?:{_STARTS})")
_runs_somewhere = re.compile(rf"{_DIVIDED}[{_FORMULA}]")
_needs = re.compile(rf"'*(?:{_STARTS}|\Z|{DAMAGE}\Z)")
_guarded = re.compile(rf"'(?='*(?:{_STARTS}|\Z|{DAMAGE}\Z))")
_within = re.compile(_DIVIDED + _FOLLOWS)
_guarded_within = re.compile(_DIVIDED + "'" + _FOLLOWS)
_mangled = re.compile(DAMAGE)


def escape(text: str) -> str:
    """Return ``text`` so that a spreadsheet does not run it as a formula; "" becomes an apostrophe."""
    if _within.search(text):
        return "'" + _within.sub(r"\1'", text)
    return f"'{text}" if _needs.match(text) else text


def unescape(text: str) -> str:
    """Return the text of a cell without the apostrophes that ``escape`` added."""
    if text[:1] == "'" and _guarded_within.search(text):
        return _guarded_within.sub(r"\1", text[1:])
    return text[1:] if _guarded.match(text) else text


def escape_again(cell: str) -> str:
    """Return a cell that a spreadsheet may have written, with the missing apostrophes; the import reads the same value.

    Spreadsheet damage remains, except that a text written as a formula (``="555"``) becomes the plain text.
    """
    if cell[:1] == "'":
        return escape(unescape(cell))
    inner = as_formula(cell)
    if inner is None:
        return escape(cell) if is_run(cell) else cell
    return escape(inner) if inner[:1] == "#" or is_run(inner) else inner


def is_run(text: str) -> bool:
    """Return whether a spreadsheet would run a part of the text as a formula."""
    return bool(_runs.match(text) or _runs_somewhere.search(text))


def is_needed_in_workbook(text: str) -> bool:
    """Return whether a text needs ``escape`` in a workbook, so that the import reads it back unchanged.

    Workbooks store texts as texts, so none is run as a formula.
    """
    return text[:1] == "'" or bool(_mangled.fullmatch(text))
