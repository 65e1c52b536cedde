"""Text as it was meant: without invisible characters and HTML entities. Placeholders are blank cells."""

import html
import re
import unicodedata
from datetime import date
from itertools import product
from math import isfinite

from crm_project.validation import FORMAT_CHARACTERS

MOST_DECODINGS = 8  # of entities within entities

_SPACES = "\xa0\u2007\u202f"
_JOINERS = "\u200c\u200d"
_invisible = re.compile(f"[{FORMAT_CHARACTERS}]")
_space = re.compile(f"[{_SPACES}]")
_entity = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# The bytes 80 to BF as Windows-1252 and Latin-1 show them: after one of Â to ô they were a character in UTF-8.
_CONTINUATION = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_wrongly_decoded = re.compile(f"[\xc2-\xf4][{_CONTINUATION}]")


def _in_any_case(*words: str) -> frozenset[str]:
    cases = (product(*({letter.lower(), letter.upper()} for letter in word)) for word in words)
    return frozenset("".join(letters) for spellings in cases for letters in spellings)


IN_NAMES = frozenset(("NULL", r"\N", "N/A", "n/a", "-", "--", "---", "—", "–", ".", "#N/A"))
# Null, Na and None are people's names.
ELSEWHERE = IN_NAMES | _in_any_case("null", "none", "nil", "unknown", "na", "tba", "?", "x")


def is_suspect(text: str) -> bool:
    """Return whether a text that is not ASCII may have invisible characters, or may have been decoded wrongly."""
    return not text.isprintable() or _wrongly_decoded.search(text) is not None


def visible(text: str, joiners: bool = False) -> str:
    """Return ``text`` without invisible characters, and with plain spaces; ``joiners`` between letters stay."""
    if text.isascii():
        return text
    text = _space.sub(" ", text)
    if joiners and any(joiner in text for joiner in _JOINERS):
        return _invisible.sub(lambda match: match.group() if _joins(match) else "", text).strip()
    return _invisible.sub("", text).strip()


def _joins(match: re.Match[str]) -> bool:
    """Return whether an invisible character is a joiner between two letters."""
    text, start = match.string, match.start()
    around = text[max(start - 1, 0) : start], text[start + 1 : start + 2]
    return match.group() in _JOINERS and all(one and unicodedata.category(one)[0] in "LM" for one in around)


def decoded(text: str) -> str:
    """Return ``text`` with its HTML entities decoded; as it is if that has no end."""
    once = text
    for _ in range(MOST_DECODINGS):
        if "&" not in once or (again := _entity.sub(_character, once)) == once:
            return once
        once = again
    return text


def _character(match: re.Match[str]) -> str:
    character = html.unescape(match.group())
    return match.group() if character in ("\0", "\ufffd") else character


def is_doubtful(text: str) -> bool:
    """Return whether ``text`` looks as if it had been decoded wrongly: ``JosÃ©`` for José."""
    if text.isascii() or not _wrongly_decoded.search(text):
        return False
    for encoding in ("cp1252", "latin-1"):
        try:
            return text.encode(encoding).decode() != text
        except UnicodeError:
            continue
    return False


def shown(cell: object) -> str:
    """Return a cell of any type as text."""
    if isinstance(cell, float) and isfinite(cell) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, date):
        return cell.isoformat().removesuffix("T00:00:00")
    return str(cell).strip()


def is_placeholder(text: str, name: bool = False) -> bool:
    """Return whether ``text`` stands for a blank cell; in columns of names fewer words do."""
    return text.strip() in (IN_NAMES if name else ELSEWHERE)
