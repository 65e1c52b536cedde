"""What reading a lead file yields, whatever its format, and how it fails."""

import codecs
from collections.abc import Iterable
from typing import Any

from crm_project.validation import FieldError
from leads.importing.stats import Refused

MAX_COLUMNS = 2_000

Cells = list[Any]
# The line (CSV, JSON Lines), row (spreadsheet) or place (JSON array) a record starts on, from 1, and its cells.
Record = tuple[int, Cells]
# What a rejects file has before the columns of the file that it is from.
LINE, PROBLEMS = "import_line", "import_problems"


def is_rejects_header(head: bytes) -> bool:
    """Return whether a file that starts with these bytes is a rejects file, which has a header and is UTF-8."""
    return head.startswith(codecs.BOM_UTF8 + LINE.encode())


class Unreadable(Refused):
    """A file that cannot be imported; the message is for people.

    Also raised in the middle of a file (a quotation mark without an end, a JSON array that is cut off), because what
    follows the damage cannot be trusted.
    """


class BadRow(list[Any]):
    """The cells of a record that does not fit the header, with the ``problems`` to report instead of converting it."""

    def __init__(self, cells: Iterable[Any], *problems: FieldError) -> None:
        super().__init__(cells)
        self.problems = list(problems)


class LeftOut(list[Any]):
    """The cells of a record that only looks like a row, and the ``reason`` to leave it out."""

    def __init__(self, cells: Iterable[Any], reason: str) -> None:
        super().__init__(cells)
        self.reason = reason


def fitted(cells: Cells, width: int) -> Cells:
    """Return ``cells`` with ``width`` cells: blank ones are added or removed at the end. Otherwise a ``BadRow``."""
    if (missing := width - len(cells)) > 0:
        return [*cells, *[""] * missing]
    while len(cells) > width and is_blank(cells[-1]):
        cells.pop()
    if len(cells) == width:
        return cells
    message = f"Too many cells: {len(cells)} in this row, {width} in the header"
    return BadRow(cells, FieldError("row_length", (), message, cells))


def is_blank(cell: object) -> bool:
    """Return whether a cell is null, or text of white space only. Zero and false are not blank."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def all_blank(cells: Iterable[object]) -> bool:
    """Return whether a record is an empty line. Empty lines are skipped and not counted."""
    return all(is_blank(cell) for cell in cells)


def clean_header(cells: Iterable[object]) -> list[str]:
    """Return the trimmed names of a header row; raise ``Unreadable`` for a row that cannot be a header."""
    header = ["" if cell is None else str(cell).strip("\ufeff \t\r\n\xa0") for cell in cells]
    if len(header) > MAX_COLUMNS:
        raise Unreadable(f"The file has {len(header):,} columns; at most {MAX_COLUMNS:,} can be imported.")
    if any("\0" in name for name in header):
        raise Unreadable("The file is not text: its first line holds NUL characters. Save it as CSV in UTF-8.")
    return header
