"""The apostrophe that keeps a spreadsheet from running a cell as a formula: exports put it on, imports take it off.

It also keeps the import from mending a text that only looks as if a spreadsheet had mangled it.

Texts that look guarded already get another one, and so does nothing at all where it is to be told from no value; so
``off(on(text)) == text`` for every text.
"""

import re

from leads.importing.mangled import LOOK

_needs = re.compile(rf"'*(?:[=+\-@\t\r]|\Z|{LOOK}\Z)")
_guarded = re.compile(rf"'(?='*(?:[=+\-@\t\r]|\Z|{LOOK}\Z))")
_mangled = re.compile(LOOK)


def on(text: str) -> str:
    """``text`` as it may stand in a cell; "" becomes a lone apostrophe."""
    return f"'{text}" if _needs.match(text) else text


def off(text: str) -> str:
    """The text that was meant by a cell."""
    return text[1:] if _guarded.match(text) else text


def is_needed_in_workbook(text: str) -> bool:
    """Whether a workbook's cell, which is never run as a formula, would still not come back as it is."""
    return text[:1] == "'" or bool(_mangled.fullmatch(text))
