"""The apostrophe that stops a spreadsheet from running a cell as a formula: exports add it, imports remove it.

It also stops the import from repairing a text that only looks like spreadsheet damage.

A spreadsheet whose list separator is ``;`` (or a tab, a bar, a comma) splits a file at other places than we do, and
knows no quotation mark in the middle of a cell. So an apostrophe is also added before a formula character that follows
a separator or a line end within a text. Such a text gets one at its beginning, too, which marks it as ours.

Texts that look escaped get another one, and so does an empty text that must differ from no value; so
``unescape(escape(text)) == text`` for every text.
"""

import re

from leads.spreadsheet_damage import LOOK, as_formula

_FORMULA = "=+\\-@＝＋－＠"  # the full-width ones too: spreadsheets of East Asia take them for the others
_STARTS = rf'[\s"\ufeff\u200b]*[{_FORMULA}]|[\t\r]'  # of a cell that is run, or may be
# A separator, then what may stand before a cell's text (a quotation mark, doubled in CSV, opens the cell). Of several
# separators only the last one counts.
_DIVIDED = r'([;,|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029][ "\xa0\u3000\ufeff\u200b]*)'
_FOLLOWS = rf"(?='*[{_FORMULA}])"

_runs = re.compile(rf"(?:{_STARTS})")
_runs_somewhere = re.compile(rf"{_DIVIDED}[{_FORMULA}]")
_needs = re.compile(rf"'*(?:{_STARTS}|\Z|{LOOK}\Z)")
_guarded = re.compile(rf"'(?='*(?:{_STARTS}|\Z|{LOOK}\Z))")
_within = re.compile(_DIVIDED + _FOLLOWS)
_guarded_within = re.compile(_DIVIDED + "'" + _FOLLOWS)
_mangled = re.compile(LOOK)


def escape(text: str) -> str:
    """``text`` as it may stand in a cell; "" becomes a lone apostrophe."""
    if _within.search(text):
        return "'" + _within.sub(r"\1'", text)
    return f"'{text}" if _needs.match(text) else text


def unescape(text: str) -> str:
    """The text that was meant by a cell."""
    if text[:1] == "'" and _guarded_within.search(text):
        return _guarded_within.sub(r"\1", text[1:])
    return text[1:] if _guarded.match(text) else text


def escape_again(cell: str) -> str:
    """A cell of a file that a spreadsheet may have written, with the guards it lacks: the import reads the same of it.

    What a spreadsheet has mangled stays so, but for a text dressed as a formula (``="555"``), which is undressed.
    """
    if cell[:1] == "'":
        return escape(unescape(cell))
    inner = as_formula(cell)
    if inner is None:
        return escape(cell) if is_run(cell) else cell
    return escape(inner) if inner[:1] == "#" or is_run(inner) else inner


def is_run(text: str) -> bool:
    """Whether a spreadsheet would run a part of the text as a formula."""
    return bool(_runs.match(text) or _runs_somewhere.search(text))


def is_needed_in_workbook(text: str) -> bool:
    """Whether a workbook's cell, which is never run as a formula, would still not come back as it is."""
    return text[:1] == "'" or bool(_mangled.fullmatch(text))
