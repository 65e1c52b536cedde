"""The apostrophe that keeps a spreadsheet from running a cell as a formula: exports put it on, imports take it off.

Texts that look guarded already get another one, and so does nothing at all where it is to be told from no value; so
``off(on(text)) == text`` for every text.
"""

import re

_needs = re.compile(r"'*(?:[=+\-@\t\r]|\Z)")
_guarded = re.compile(r"'(?='*(?:[=+\-@\t\r]|\Z))")


def on(text: str) -> str:
    """``text`` as it may stand in a cell; "" becomes a lone apostrophe."""
    return f"'{text}" if _needs.match(text) else text


def off(text: str) -> str:
    """The text that was meant by a cell."""
    return text[1:] if _guarded.match(text) else text
