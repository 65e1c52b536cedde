"""The options that say how a file is read; what they leave out is detected."""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leads.importing.columns.mapping import LEADS

MAX_ABOVE = 20  # records among which the header is looked for: titles and empty lines may stand above it
MAX_HEADER_ROW = 1000
# Codecs of text that are no character sets, or mean nothing.
_NO_CHARACTER_SETS = frozenset(("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"))

IsHeader = Callable[[Sequence[object]], bool]


@dataclass(frozen=True)
class FormatOptions:
    """``encoding`` and ``delimiter`` of text, ``sheet`` of a workbook; ``is_header`` knows a header by its cells.

    ``header_row`` is the line or row of the header, from 1. Without ``header`` the first line is a row, and the columns
    are recognised by their content.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header: bool = True
    header_row: int | None = None
    is_header: IsHeader = LEADS.is_header


def encoding(name: str) -> str:
    """Return Python's name of a character set; raise ``ValueError`` with a message for an unknown one."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)  # a LookupError for what Python has that is no encoding of texts
    except (LookupError, ValueError):
        raise ValueError(f"there is no encoding {name!r}; utf-8, cp1252, cp1250, latin-1 and utf-16 are some") from None
    if found.name in _NO_CHARACTER_SETS:
        raise ValueError(f"{name!r} is no encoding of text files")
    return "utf-8-sig" if found.name == "utf-8" else found.name


def delimiter(text: str) -> str:
    """Return the character that separates cells, from it or from "tab"; raise ``ValueError`` with a message."""
    found = {"tab": "\t", "\\t": "\t", "space": " "}.get(text.lower(), text)
    if len(found) != 1 or found in '"\r\n\0':
        raise ValueError(f"{text!r} is no delimiter: it is one character, or 'tab'")
    return found


def place_of_header(rows: Sequence[Sequence[object]], is_header: IsHeader) -> int | None:
    """Return the index of the first of these rows that is a header, or ``None``.

    A row with names of column groups may be above it: the next row is then a header too, and has more names.
    """
    rows = rows[:MAX_ABOVE]
    place = next((place for place, cells in enumerate(rows) if is_header(cells)), None)
    while place is not None and place + 1 < len(rows) and _filled(rows[place + 1]) > _filled(rows[place]):
        if not is_header(rows[place + 1]):
            break
        place += 1
    return place


def _filled(cells: Sequence[object]) -> int:
    return sum(cell is not None and cell != "" for cell in cells)


def header_row(text: str) -> int:
    """Return the line or row number of the header; raise ``ValueError`` with a message."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= MAX_HEADER_ROW):
        raise ValueError(f"{text!r} is not the number of a row, from 1 to {MAX_HEADER_ROW:,}")
    return int(text)


def titles_above(where: str, titles: Sequence[Sequence[object]]) -> list[str]:
    """Return a message about rows above a header that is ``where`` ("on line 4"); nothing if there are none."""
    if not titles:
        return []
    texts = [str(cell).strip() for cells in titles for cell in cells if str(cell or "").strip()]
    shown = ", ".join(repr(text[:40]) for text in texts[:5]) + (" …" if len(texts) > 5 else "")
    return [f"The header is {where}. What stands above it was not read ({shown})."]


def names_by_content(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return headers for the columns of a file that has none: by the content of its first rows, "" where unknown.

    A column of addresses is "Email", one of telephone numbers "Phone"; the first columns of words alone are the name.
    """
    width = max((len(cells) for cells in rows), default=0)
    names = [""] * width
    words = []
    for place in range(width):
        texts = [text for cells in rows if place < len(cells) and (text := str(cells[place] or "").strip())]
        if not texts:
            continue
        for name, fits in (("Email", _is_email), ("Phone", _is_phone)):
            if name not in names and sum(map(fits, texts)) * 2 > len(texts):
                names[place] = name
        if not names[place] and sum(map(_is_words, texts)) * 2 > len(texts):
            words.append(place)
    for place, name in zip(words, ("First Name", "Last Name") if len(words) > 1 else ("Name",), strict=False):
        names[place] = name
    if len(words) > 1 and words[1] != words[0] + 1:  # a full name, and something else further on
        names[words[0]], names[words[1]] = "Name", ""
    return names


def _is_email(text: str) -> bool:
    return "@" in text and " " not in text.strip()


def _is_phone(text: str) -> bool:
    return 7 <= sum(character.isdigit() for character in text) <= 15 and not any(map(str.isalpha, text))


def _is_words(text: str) -> bool:
    return not any(character.isdigit() or character == "@" for character in text)
