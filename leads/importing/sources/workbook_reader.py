"""Workbooks (.xlsx, and .xls, .xlsb, .ods), read with python-calamine.

With the check below it reads about 110,000 rows of 9 cells a second, eight times what openpyxl does, and it knows dates
by their format. It holds the sheet in memory: about 85 bytes a cell, 800 MB for a million rows of nine. It expands no
XML entities, but it believes a file's word about its parts and where its cells are, and ends the whole process when
that does not fit in memory, so ``_check`` looks first. The
other formats, which offices send rarely, are first opened in a process of its own with a limit on memory.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from crm_project.validation import normalize
from leads import formula_escape
from leads.importing.sources.format_options import (
    MAX_ABOVE,
    FormatOptions,
    names_by_content,
    place_of_header,
    titles_above,
)
from leads.importing.sources.hidden_rows import hidden_rows
from leads.importing.sources.rows import Record, Unreadable, all_blank, clean_header, fitted
from leads.importing.sources.shared_strings import max_text_size
from leads.importing.sources.source_file import PIECE, SourceFile
from leads.importing.sources.zip_limits import most_unpacked, unpacked_copy

ZIP = b"PK\x03\x04"
MAX_ROWS = 1 << 20  # Excel's own limits
MAX_COLUMNS = 1 << 14
MAX_CELLS = 40_000_000  # between the first and the last; an empty one takes 32 bytes
FEW_CELLS = 8_000_000  # that a workbook may have whatever its size; more, if it has as many bytes
MAX_TEXT = 1 << 31  # bytes of text in all cells together, which may share it
LITTLE_TEXT = 1 << 28  # that a workbook may have whatever its size; more, if it has an eighth as many bytes

# Where a cell or row is said to be, if that is not within the first 26 columns and 99,999 rows.
# (The look back comes after the letter: so the search for it is fast.)
_far = re.compile(rb"""r(?<=\sr)\s*=\s*["']\s*([A-Za-z]{2,}(?=[0-9])|[A-Za-z]?(?=[0-9]{6}))([0-9]+)""")


MAX_MEMORY = 1 << 30  # bytes that opening an .xls, .xlsb or .ods file may take
MAX_SECONDS = 60  # of processor time
UNREADABLE = 3
# Opens the workbook on standard input.
OPEN = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]),) * 2)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from python_calamine import CalamineError, CalamineWorkbook
try:
    workbook = CalamineWorkbook.from_filelike(sys.stdin.buffer.raw)
    for number in range(len(workbook.sheet_names)):
        workbook.get_sheet_by_index(number)
except CalamineError as error:
    print(error)
    sys.exit({UNREADABLE})
"""


class WorkbookReader:
    """The header and records of one sheet of a workbook; raises ``Unreadable``.

    It is the sheet of the name asked for, else the first visible one with a header among its first rows, else the first
    with anything in it. Cells are ``str``, ``float``, ``bool``, ``datetime``, ``date``, ``time`` or ``timedelta``, ""
    where there is nothing (a formula's error, too). ``notes`` name the sheet, the row of a header that is not at the
    top, further sheets with something in them, and how many rows are hidden.
    """

    encoding = None

    def __init__(
        self,
        content: SourceFile,
        hints: FormatOptions = FormatOptions(),  # noqa: B008  frozen
        format: str = "xlsx",
    ) -> None:
        self.content = content
        with _trusted(content, format) as file:
            try:
                workbook = CalamineWorkbook.from_filelike(file)
                sheets = list(_filled(workbook, hidden=hints.sheet is not None))  # in memory from now on
            except CalamineError as error:
                raise Unreadable(f"{content.name} is not a workbook that can be read: {error}.") from error
            if not sheets:
                raise Unreadable(f"{content.name} is empty.")
            self.sheet = _named(sheets, hints.sheet, content.name) if hints.sheet else _likeliest(sheets, hints)
            hidden = hidden_rows(file, self.sheet.name) if format == "xlsx" else set()
        self.sheets = [sheet.name for sheet in sheets]
        first = list(islice(_filled_rows(self.sheet), MAX_ABOVE))
        others = [] if hints.sheet else [sheet.name for sheet in sheets if sheet.name != self.sheet.name]
        self.notes = [f"The sheet {other!r} was not read, only {self.sheet.name!r}." for other in others]
        self.row = 0
        if not hints.header:
            self.header_row, self.header = 0, names_by_content([cells for _, cells in first])
            self._count_hidden(hidden)
            return
        if hints.header_row:
            first = list(islice(_filled_rows(self.sheet), hints.header_row))
            above = next((place for place, (row, _) in enumerate(first) if row >= hints.header_row), None)
            if above is None:
                raise Unreadable(f"{content.name} has no row {hints.header_row:,} with anything in it.")
        else:
            above = place_of_header([cells for _, cells in first], hints.is_header) or 0
        self.header_row, header = first[above]
        self.header = [formula_escape.unescape(name) for name in clean_header(header)]
        self.notes += titles_above(f"in row {self.header_row:,}", [cells for _, cells in first[:above]])
        self._count_hidden(hidden)

    def _count_hidden(self, hidden: set[int]) -> None:
        """Report how many rows a filter hides: a user who looked at the sheet has not seen them."""
        count = sum(row in hidden and row > self.header_row for row, _ in _filled_rows(self.sheet)) if hidden else 0
        if count:
            rows = "1 row was" if count == 1 else f"{count:,} rows were"
            self.notes.append(f"{rows} hidden in the sheet, by a filter for example, and read like the others.")

    def __iter__(self) -> Iterator[Record]:
        width = len(self.header)
        for number, cells in _filled_rows(self.sheet):
            if number > self.header_row:
                self.row = number
                yield number, fitted(cells, width)

    @property
    def position(self) -> int:
        """Return the number of raw bytes read, as if the rows were read one by one."""
        return self.content.size * self.row // max(self.sheet.total_height, 1)


def _filled_rows(sheet: CalamineSheet) -> Iterator[Record]:
    return ((number, cells) for number, cells in enumerate(sheet.iter_rows(), 1) if not all_blank(cells))


def _filled(workbook: CalamineWorkbook, hidden: bool) -> Iterator[CalamineSheet]:
    for number, data in enumerate(workbook.sheets_metadata):
        if data.typ is SheetTypeEnum.WorkSheet and (hidden or data.visible is SheetVisibleEnum.Visible):
            sheet = workbook.get_sheet_by_index(number)
            if sheet.end is not None and next(_filled_rows(sheet), None):
                yield sheet


def _named(sheets: list[CalamineSheet], name: str, file: str) -> CalamineSheet:
    for alike in (str, normalize):
        for sheet in sheets:
            if alike(sheet.name) == alike(name):
                return sheet
    there = ", ".join(repr(sheet.name) for sheet in sheets)
    raise Unreadable(f"{file} has no sheet {name!r} with anything in it; there are {there}.")


def _likeliest(sheets: list[CalamineSheet], hints: FormatOptions) -> CalamineSheet:
    for sheet in sheets:
        first = [cells for _, cells in islice(_filled_rows(sheet), MAX_ABOVE)]
        if place_of_header(first, hints.is_header) is not None:
            return sheet
    return sheets[0]


@contextmanager
def _trusted(content: SourceFile, format: str) -> Iterator[IO[bytes]]:
    """Yield the workbook as a file that can be opened in bounded memory; raise ``Unreadable`` for any other."""
    if format == "xls":
        file = content.unpack()
        _open_elsewhere(file, content)
        yield file
        return
    with unpacked_copy(content, most_unpacked(content.size)) as file:
        if format == "xlsx":
            _check(file, content)
        else:
            _open_elsewhere(file, content)
        yield file


def check_memory(content: SourceFile, format: str, most_unpacked: int, most_memory: int) -> None:
    """Raise ``Unreadable`` for a workbook of another format than .xlsx that takes more bytes of memory to open."""
    if format == "xls":
        _open_elsewhere(content.unpack(), content, most_memory)
        return
    with unpacked_copy(content, most_unpacked) as file:
        _open_elsewhere(file, content, most_memory)


def _open_elsewhere(file: IO[bytes], content: SourceFile, most_memory: int = MAX_MEMORY) -> None:
    """Open all sheets in a process that may use ``most_memory`` bytes; raise ``Unreadable`` if it fails."""
    with tempfile.TemporaryFile() as copy:
        file.seek(0)
        shutil.copyfileobj(file, copy, PIECE)
        file.seek(0)
        copy.seek(0)
        command = [sys.executable, "-I", "-c", OPEN, str(most_memory), str(MAX_SECONDS)]
        ended = subprocess.run(command, stdin=copy, capture_output=True, check=False)  # noqa: S603  our own program
    if ended.returncode == UNREADABLE:
        reason = ended.stdout.decode(errors="replace").strip()[:200]
        raise Unreadable(f"{content.name} is not a workbook that can be read: {reason}. Save it as .xlsx or CSV.")
    if ended.returncode:
        raise Unreadable(f"{content.name} takes too much memory or time to read; save it as CSV.")


def _check(file: IO[bytes], content: SourceFile) -> None:
    """Refuse what is no workbook, and workbooks made to fill the memory; ``file`` is its unpacked copy."""
    with zipfile.ZipFile(file) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            raise Unreadable(f"{content.name} is a zip archive, but not an Excel workbook (.xlsx).")
        size = file.seek(0, os.SEEK_END)
        for member in archive.namelist():
            with archive.open(member) as part:
                check_extent(part, content.name, min(MAX_CELLS, max(FEW_CELLS, size)))
        most = min(MAX_TEXT, max(LITTLE_TEXT, 8 * size))
        if (texts := max_text_size(archive, most)) > most:
            raise Unreadable(f"{content.name} unpacks to {texts >> 20:,} MB of text; save it as CSV instead.")
    file.seek(0)


def check_extent(file: IO[bytes], name: str, most: int) -> None:
    """Refuse cells so far out that there are more than ``most``: the empty ones before them take memory, too."""
    rows, columns, tail = 99_999, 26, b""
    while piece := file.read(PIECE):
        piece = tail + piece
        for letters, digits in _far.findall(piece):
            rows = max(rows, int(digits[:12]))
            columns = max(columns, _column(letters[:6]))
        if rows > MAX_ROWS or columns > MAX_COLUMNS or rows * columns > most:
            raise Unreadable(f"{name} has cells as far out as row {rows:,} and column {columns:,}; save it as CSV.")
        tail = piece[-64:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
