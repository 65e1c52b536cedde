"""How much text the cells of a workbook come to, where they share it.

A workbook keeps each text once, and its cells say which; the reader gives every cell a copy. A text of a megabyte in a
hundred thousand cells packs into kilobytes, and unpacks to more than the memory of any machine.
"""

import re
import zipfile
from array import array
from collections.abc import Iterator, Sequence
from xml.parsers import expat

from leads.importing.sources.source_file import PIECE

MARKS = (b"/si", b":si")
_text_ends = re.compile(rb"</(?:[\w.-]+:)?si\s*>")


class DocumentType(Exception):
    """A document type definition, which might define entities."""


def max_text_size(archive: zipfile.ZipFile, enough: int) -> int:
    """Return the bytes of text in all cells, as an upper limit; exact only if a rough count exceeds ``enough``.

    The rough count assumes the longest text in all cells; so does the exact one for a member that is no XML.
    """
    cells: dict[str, int] = {}
    texts: list[str] = []  # wherever they are: which member a reader takes them from is its affair
    for member in archive.namelist():
        cells[member], has_texts = _count_cells(archive, member)
        if has_texts:
            texts.append(member)
    longest = max((_longest(archive, member) for member in texts), default=0)
    rough = longest * sum(cells.values())
    if rough <= enough:
        return rough
    lengths: list[array[int]] = []
    for member in texts:
        found = _Lengths()
        if not _read(archive, member, found):
            return rough
        lengths.append(found.lengths)
    total = 0
    for member in cells:
        shown = _Shown(lengths, longest)
        total += shown.end() if _read(archive, member, shown) else longest * cells[member]
    return total


def _count_cells(archive: zipfile.ZipFile, member: str) -> tuple[int, bool]:
    """Return the maximum number of cells of a member, and whether it may contain texts."""
    cells, has_texts = 0, False
    for piece in _pieces(archive, member):
        cells += piece.count(b"<c") + piece.count(b":c") + 1  # one may lie across its end
        has_texts = has_texts or any(mark in piece for mark in MARKS)
    return cells, has_texts


def _longest(archive: zipfile.ZipFile, member: str) -> int:
    """Return an upper limit for the bytes of a text of a member."""
    longest = length = 0
    tail = b""
    for piece in _pieces(archive, member):
        if b"<!" in tail + piece:  # a comment or the like, in which anything may stand
            return archive.getinfo(member).file_size
        ends = [match.end() for match in _text_ends.finditer(piece)]
        for begun, end in zip([0, *ends], ends, strict=False):
            longest = max(longest, length + end - begun)
            length = 0
        length += len(piece) - (ends[-1] if ends else 0)
        tail = piece[-1:]
    return max(longest, length)


def _pieces(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    with archive.open(member) as file:
        while piece := file.read(PIECE):
            yield piece


class _Lengths:
    """Collects the length of each text without its markup."""

    def __init__(self) -> None:
        self.lengths = array("I")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        if name == "si" or name.endswith(":si"):
            self.lengths.append(0)

    def text(self, text: str) -> None:
        """Handle the text of an element."""
        if self.lengths:
            self.lengths[-1] += len(text.encode())


class _Shown:
    """Adds up the texts that cells show: those of the type "s" have the text's index in a ``v``."""

    def __init__(self, lengths: "Sequence[array[int]]", longest: int) -> None:
        self.lengths, self.longest = lengths, longest
        self.total = 0
        self.shared = False
        self.number: str | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        if name == "c" or name.endswith(":c"):
            if self.number is not None:
                self.total += self._length(self.number)
                self.number = None
            self.shared = attributes.get("t") == "s"
        elif self.shared and (name == "v" or name.endswith(":v")):
            self.number = ""

    def text(self, text: str) -> None:
        """Handle the text of an element."""
        if self.number is not None:
            self.number += text

    def end(self) -> int:
        """Return the sum."""
        return self.total + (self._length(self.number) if self.number is not None else 0)

    def _length(self, number: str) -> int:
        digits = number.strip().lstrip("+0") or "0"
        if not digits.isdecimal():
            return self.longest
        place = int(digits[:12])
        return max((known[place] for known in self.lengths if place < len(known)), default=0)


def _read(archive: zipfile.ZipFile, member: str, into: _Lengths | _Shown) -> bool:
    """Have a member read; says whether it is XML."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = into.start
    parser.CharacterDataHandler = into.text
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        with archive.open(member) as file:
            parser.ParseFile(file)
    except (expat.ExpatError, DocumentType):
        return False
    return True


def _no_doctype(*_: object) -> None:
    raise DocumentType
