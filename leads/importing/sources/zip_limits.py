"""A workbook's zip archive, as a copy that can be trusted: each member once, not packed, counted while it was inflated.

What reads workbooks (python-calamine) takes an archive apart by itself: it opens members packed by methods that inflate
without a bound (bzip2, LZMA), and believes what the archive's directory says of them. So it is given the copy alone.
"""

import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, cast

from leads.importing.sources.rows import Unreadable
from leads.importing.sources.source_file import PIECE, SourceFile

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what workbooks are packed by; both inflate a piece at a time
ENCRYPTED = 0x1 | 0x40 | 0x2000  # bits of a member's flags
LOCAL_HEADER = 30  # bytes before a member's name and data, at least
MAX_UNPACKED = 1 << 30  # bytes of XML; 20 million filled cells
MAX_RATIO = 200  # workbooks shrink to a tenth; a bomb to a thousandth
SMALLEST_BOMB = 1 << 26
# What zipfile raises.
DAMAGE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OverflowError, struct.error)


class UnpacksToMore(Unreadable):
    """An archive that inflates to more bytes than were allowed."""


def most_unpacked(size: int) -> int:
    """Return how many bytes an archive of ``size`` bytes may decompress to."""
    return min(MAX_UNPACKED, max(SMALLEST_BOMB, MAX_RATIO * size))


def members(content: SourceFile) -> list[str]:
    """Return the names in an archive; raise ``Unreadable`` for a damaged one."""
    with content.failures():
        try:
            with zipfile.ZipFile(_ShortReads(content)) as archive:
                return archive.namelist()
        except DAMAGE as error:
            raise Unreadable(f"{content.name} is a damaged archive: {error}.") from error


def read_only_file(content: SourceFile, most: int | None = None) -> str:
    """Have ``content`` read the only file in its archive from now on; return that file's name.

    Raises ``UnpacksToMore`` than ``most`` bytes, by default those of ``most_unpacked``.
    """
    there = [name for name in members(content) if not name.endswith("/") and not _is_litter(name)]
    if len(there) != 1:
        count = "no file" if not there else f"{len(there):,} files"
        raise Unreadable(f"{content.name} is a zip archive of {count}; import the file itself.")
    with unpacked_copy(content, most or most_unpacked(content.size)) as copy, zipfile.ZipFile(copy) as archive:
        file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115  closed with the content
        with archive.open(there[0]) as source:
            shutil.copyfileobj(source, file, PIECE)
    file.flush()  # or its size is not yet what it will be
    content.replace(file)
    return there[0]


def _is_litter(name: str) -> bool:
    """Return whether a file is one that macOS or Windows adds to archives."""
    base = name.rpartition("/")[2]
    return name.startswith("__MACOSX/") or base.startswith(".") or base in ("Thumbs.db", "desktop.ini")


@contextmanager
def unpacked_copy(content: SourceFile, most: int) -> Iterator[IO[bytes]]:
    """Yield a copy of the archive without compression, which is deleted when the block ends.

    Raises ``UnpacksToMore`` for more than ``most`` bytes, and ``Unreadable`` for damage and for members that are
    encrypted, compressed by another method, named twice, or that share bytes.
    """
    with content.failures(), tempfile.TemporaryFile() as copy:
        try:
            with zipfile.ZipFile(_ShortReads(content)) as archive, zipfile.ZipFile(copy, "w") as target:
                _check_directory(content.name, archive.infolist())
                _inflate(content.name, archive, target, most)
        except DAMAGE as error:
            raise Unreadable(f"{content.name} is a damaged workbook: {error}.") from error
        copy.seek(0)
        yield cast(IO[bytes], copy)


def _check_directory(name: str, members: Sequence[zipfile.ZipInfo]) -> None:
    end, names = 0, set()
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.flag_bits & ENCRYPTED:
            raise Unreadable(f"{name} is encrypted; save it without a password.")
        if member.compress_type not in METHODS:
            raise Unreadable(f"{name} is packed in a way that workbooks are not; save it anew with Excel, or as CSV.")
        if member.filename in names or member.header_offset < end:
            raise Unreadable(f"{name} is a damaged workbook: two of its parts have one name or one place.")
        names.add(member.filename)
        end = member.header_offset + LOCAL_HEADER + member.compress_size


def _inflate(name: str, archive: zipfile.ZipFile, target: zipfile.ZipFile, most: int) -> None:
    total = 0
    for member in archive.infolist():
        size = 0
        with archive.open(member) as source, target.open(zipfile.ZipInfo(member.filename), "w") as into:
            while piece := source.read(PIECE):
                size += len(piece)
                total += len(piece)
                if total > most:
                    raise UnpacksToMore(f"{name} unpacks to more than {most >> 20:,} MB; save it as CSV instead.")
                into.write(piece)
        if size != member.file_size:
            raise Unreadable(f"{name} is a damaged workbook: a part of it has another size than it says.")


class _ShortReads:
    """A file that rejects long reads: an archive's directory is read at once, and each entry of it takes memory."""

    def __init__(self, content: SourceFile) -> None:
        self.name, self.file = content.name, content.unpack()
        self.seek, self.tell, self.seekable = self.file.seek, self.file.tell, self.file.seekable

    def read(self, size: int = -1) -> bytes:
        """Return at most ``PIECE`` bytes; raise ``Unreadable`` if more are requested."""
        if size < 0:
            here = self.tell()
            size = self.seek(0, os.SEEK_END) - here
            self.seek(here)
        if size > PIECE:
            raise Unreadable(f"{self.name} is a damaged workbook: its directory is too long.")
        return self.file.read(size)
