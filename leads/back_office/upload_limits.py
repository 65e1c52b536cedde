"""Limits on uploaded files, so that a web request does not run out of memory or time.

The readers load a row, or a sheet of a workbook, into memory, so the limits are checked before. The ``import_leads``
command has no such limits: it runs in its own process.
"""

import zipfile
from collections import Counter
from collections.abc import Iterator
from typing import IO

from leads.importing.sources.reader import unwrap
from leads.importing.sources.shared_strings import max_text_size
from leads.importing.sources.source_file import PIECE, SourceFile, pieces
from leads.importing.sources.workbook_reader import check_extent, check_memory
from leads.importing.sources.zip_limits import UnpacksToMore, unpacked_copy
from leads.importing.stats import Refused

MAX_ROWS = 50_000
MAX_COLUMNS = 200
MAX_LINES = 2_000_000  # including blank lines, each of which takes a microsecond
MAX_UNPACKED = 64 << 20  # bytes
MAX_CELLS = 2_000_000  # a text cell takes up to 64 bytes
MAX_SPACE = 3_000_000  # cells of a workbook between the first and the last, including empty ones
MAX_LISTS = 500_000  # and objects in JSON: an empty one takes as much memory as a cell, and only two bytes of text
MAX_ELEMENTS = 6_000_000  # of a workbook's XML; a cell has four
MAX_LINE = 1 << 20  # bytes
MAX_MEMORY = 256 << 20  # bytes that a process may take to open an .xls, .xlsb or .ods file
DELIMITERS = (b",", b";", b"\t", b"|")
OPENINGS = (b"[", b"{")
CONTACT = b"BEGIN:VCARD"


class TooLarge(Refused):
    """The file exceeds a limit of the import pages."""


def inspect(file: IO[bytes], name: str) -> None:
    """Raise ``TooLarge`` or ``Unreadable`` if the file, originally called ``name``, must not be read."""
    content = SourceFile(file, name)
    try:
        if content.gzipped:  # an archive in it is unpacked to be looked into
            for _ in _pieces(content):
                pass
        _, workbook = unwrap(content, MAX_UNPACKED)
        if workbook is None:
            _inspect_text(content)
            return
        if workbook != "xls":
            _inspect_workbook(content)
        if workbook != "xlsx":
            check_memory(content, workbook, MAX_UNPACKED, MAX_MEMORY)
    except UnpacksToMore:
        raise TooLarge(f"{name} unpacks to more than {MAX_UNPACKED >> 20} MB.") from None
    finally:
        content.close()


def _inspect_text(content: SourceFile) -> None:
    counts: Counter[bytes] = Counter()
    contacts = 0
    opening = content.head().lstrip(b"\xef\xbb\xbf \t\r\n")[:1].upper()
    max_cells = MAX_CELLS // 2 if opening in OPENINGS else MAX_CELLS  # the JSON reader stores them twice
    line = lines = 0
    for piece in _pieces(content):
        for token in (*DELIMITERS, *OPENINGS):
            counts[token] += piece.count(token)
        contacts += piece.upper().count(CONTACT) if opening == CONTACT[:1] else 0
        lines += max(piece.count(b"\n"), piece.count(b"\r"))
        if lines > MAX_LINES:
            raise TooLarge(f"{content.name} has more than {MAX_LINES:,} lines.")
        if max(counts[token] for token in DELIMITERS) > max_cells:
            raise TooLarge(f"{content.name} has more than {max_cells:,} cells.")
        if sum(counts[token] for token in OPENINGS) > MAX_LISTS:
            raise TooLarge(f"{content.name} has more than {MAX_LISTS:,} lists and objects.")
        if contacts > MAX_ROWS:
            raise TooLarge(f"{content.name} has more than {MAX_ROWS:,} contacts.")
        line = len(piece) - 1 - piece.rfind(b"\n") if b"\n" in piece else line + len(piece)
        if line > MAX_LINE + PIECE and opening != b"[":
            raise TooLarge(f"{content.name} has a line of more than {MAX_LINE >> 20} MB: it is not a table.")


def _pieces(content: SourceFile) -> Iterator[bytes]:
    def check(total: int) -> None:
        if total > MAX_UNPACKED:
            raise TooLarge(f"{content.name} unpacks to more than {MAX_UNPACKED >> 20} MB.")

    return pieces(content, check)


def _inspect_workbook(content: SourceFile) -> None:
    try:
        with unpacked_copy(content, MAX_UNPACKED) as copy, zipfile.ZipFile(copy) as archive:
            _inspect_parts(archive, content.name)
    except UnpacksToMore:
        raise TooLarge(f"{content.name} unpacks to more than {MAX_UNPACKED >> 20} MB.") from None


def _inspect_parts(archive: zipfile.ZipFile, name: str) -> None:
    elements = 0
    for member in archive.infolist():
        with archive.open(member) as file:
            elements += _count(file)
        if elements > MAX_ELEMENTS:
            raise TooLarge(f"{name} has more than {MAX_ELEMENTS:,} elements.")
        with archive.open(member) as file:
            check_extent(file, name, MAX_SPACE)
    if max_text_size(archive, MAX_UNPACKED) > MAX_UNPACKED:
        raise TooLarge(f"{name} unpacks to more than {MAX_UNPACKED >> 20} MB of text.")


def _count(file: IO[bytes]) -> int:
    count = 0
    while piece := file.read(PIECE):
        count += piece.count(b"<")
    return count
