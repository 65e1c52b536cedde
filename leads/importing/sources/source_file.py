"""The bytes of a lead file: hashed, unpacked from gzip, and the encoding of their text, decided over the whole file.

Everything is read in pieces of a megabyte, so memory does not grow with the file.
"""

import codecs
import gzip
import hashlib
import io
import os
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from leads.importing.sources.encodings import MAX_SAMPLE, Detected, detect
from leads.importing.sources.rows import Unreadable, is_rejects_header

PIECE = 1 << 20
MAX_LINE = 16 * PIECE  # a whole line is in memory
# A gzip file that swells beyond both is a bomb: lists of leads shrink to a twentieth, rarely to a fiftieth.
MAX_UNCHECKED = 1 << 30
MAX_RATIO = 200

GZIP = b"\x1f\x8b"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_bad_byte = re.compile("[\udc80-\udcff]")
_good_character = re.compile("[^\x00-\x7f\udc80-\udcff]")


class SourceFile:
    """A seekable file: ``sha256`` and ``size`` of its raw bytes, and ``stream()`` of the unpacked ones from the start.

    A file that cannot seek (a pipe) is first copied to a temporary one. Raises ``Unreadable``.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self._copies = ExitStack()
        try:
            with self.failures():
                self.file = file if file.seekable() else self._copy(file)
                self._state, self._place = self._state_now(), self._place_now()
                self.file.seek(0)
                self.sha256 = hashlib.file_digest(self.file, "sha256").hexdigest()  # type: ignore[arg-type]
                self.size = self.file.seek(0, os.SEEK_END)
                self.file.seek(0)
                self.gzipped = self.file.read(2) == GZIP
            if not self.size:
                raise Unreadable(f"{name} is empty.")
        except Unreadable:
            self.close()
            raise

    def close(self) -> None:
        """Delete the temporary copies. The caller closes the file itself."""
        self._copies.close()

    def is_at(self, path: Path) -> bool:
        """Return whether the file is the one at ``path``, whatever name it was opened by."""
        try:
            stat = path.stat()
        except OSError:
            return False
        return (stat.st_dev, stat.st_ino) == self._place

    @property
    def position(self) -> int:
        """Return the position of the last stream in the raw bytes."""
        return 0 if self.file.closed else self.file.tell()

    def stream(self) -> IO[bytes]:
        """Return the decompressed bytes from the beginning. Streams share the file's position: use one at a time."""
        self.file.seek(0)
        return cast(IO[bytes], gzip.GzipFile(fileobj=self.file)) if self.gzipped else self.file

    def head(self, size: int = 65_536) -> bytes:
        """Return the first ``size`` decompressed bytes."""
        with self.failures():
            return self.stream().read(size)

    def unpack(self) -> IO[bytes]:
        """Return the decompressed bytes as a seekable file."""
        if self.gzipped:
            with self.failures():
                self.file, self.gzipped = self._copy(self.stream()), False
                self._state = self._state_now()
        return self.stream()

    def replace(self, file: IO[bytes]) -> None:
        """Read another file from now on, the only one in an archive; it is closed with the rest."""
        self.file, self.gzipped = self._copies.enter_context(file), False
        self._state = self._state_now()

    @contextmanager
    def text(self, encoding: str) -> Iterator[io.TextIOWrapper]:
        """Yield the text from the beginning, with unchanged line ends.

        A byte that is invalid in the encoding becomes an unpaired surrogate, which validation rejects: the cell is
        reported, instead of the file being refused or the text garbled.
        """
        errors = "strict" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        with self.failures():
            text = io.TextIOWrapper(cast(IO[bytes], _Unclosed(self.stream())), encoding, errors, newline="")
            yield text
            if not text.read(1) and self._state_now() != self._state:
                raise Unreadable(f"{self.name} was changed while it was being read.")

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Raise ``Unreadable`` for any error of reading and decoding bytes."""
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Unreadable(f"{self.name} is damaged, it cannot be unpacked: {error}.") from error
        except UnicodeError as error:
            encoding, reason = getattr(error, "encoding", ""), getattr(error, "reason", error)
            text = f"{encoding} text" if encoding else "text of that encoding"
            raise Unreadable(f"{self.name} is not {text} all through: {reason}.") from error
        except OSError as error:
            raise Unreadable(f"{self.name} cannot be read: {error.strerror or error}.") from error

    def _copy(self, file: IO[bytes]) -> IO[bytes]:
        copy = self._copies.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  closed with the rest
        total = 0
        while piece := file.read(PIECE):
            copy.write(piece)
            total += len(piece)
            self.check_swelling(total)
        copy.seek(0)
        return cast(IO[bytes], copy)

    def check_swelling(self, total: int) -> None:
        """Refuse a gzip file that has unpacked to ``total`` bytes so far, if that is beyond belief."""
        if getattr(self, "gzipped", False) and total > max(MAX_UNCHECKED, MAX_RATIO * self.size):
            raise Unreadable(f"{self.name} swells to more than {MAX_RATIO} times its size: it is no list.")

    def _state_now(self) -> tuple[int, int] | None:
        try:
            stat = os.fstat(self.file.fileno())
        except (OSError, AttributeError):  # bytes in memory
            return None
        return stat.st_size, stat.st_mtime_ns

    def _place_now(self) -> tuple[int, int] | None:
        try:
            stat = os.fstat(self.file.fileno())
        except (OSError, AttributeError):
            return None
        return stat.st_dev, stat.st_ino


class _Unclosed(io.BufferedIOBase):
    """Passes reads on, and is not closed with its wrapper: a TextIOWrapper closes its file when it is collected."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.read = stream.read  # type: ignore[method-assign, assignment]
        self.read1 = getattr(stream, "read1", stream.read)  # type: ignore[method-assign]

    def readable(self) -> bool:
        return True


def encoding_of(content: SourceFile, long_lines: bool = False, said: str | None = None) -> Detected:
    """Return the encoding ``said`` by the user; else UTF-8, UTF-16 (by its byte order mark) or what ``detect`` finds.

    Text that is mostly well-formed UTF-8 stays UTF-8: its few bad bytes are reported row by row, where another encoding
    would garble every accented letter. Raises ``Unreadable``, also for a line that is too long to be read into memory
    unless ``long_lines``.
    """
    head = content.head(64)
    utf8 = _is_utf8(content, long_lines)
    if said and not is_rejects_header(head):
        return Detected(said, True, ())
    for mark, encoding in _BOMS.items():
        if head.startswith(mark):
            return Detected(encoding, True, ())
    if utf8 or _is_mostly_utf8(content):
        return Detected("utf-8", True, ())
    return detect(_sample(content))


def _is_utf8(content: SourceFile, long_lines: bool) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    utf8, pending, line = True, False, 0
    for piece in pieces(content):
        line = 0 if b"\n" in piece or b"\r" in piece else line + len(piece)
        if line > MAX_LINE and not long_lines:
            raise Unreadable(f"{content.name} has a line of more than {MAX_LINE // PIECE} MB: it is no list.")
        if utf8 and (pending or not piece.isascii()):
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                utf8 = False
            pending = bool(decoder.getstate()[0])
    return utf8 and not pending


def _is_mostly_utf8(content: SourceFile) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    for piece in pieces(content):
        text = decoder.decode(piece)
        if not text.isascii():
            bad += len(_bad_byte.findall(text))
            good += len(_good_character.findall(text))
    return good > bad


def _sample(content: SourceFile) -> bytes:
    """Return the first lines that are not ASCII, up to ``MAX_SAMPLE`` bytes and, but for a longer line, whole ones.

    A cut within a line may be one within a character, and then no encoding of several bytes a character would fit.
    """
    sample, rest = b"", b""
    for piece in pieces(content):
        *lines, rest = (rest + piece).splitlines(keepends=True) or [b""]
        if len(rest) > MAX_SAMPLE:  # nothing as long is collected, whatever the length of the file
            lines.append(rest)
            rest = b""
        sample += b"".join(line for line in lines if not line.isascii())
        if len(sample) > MAX_SAMPLE:
            return sample[:MAX_SAMPLE].rpartition(b"\n")[0] or sample[:MAX_SAMPLE]
    return sample if rest.isascii() else sample + rest


def pieces(content: SourceFile, check: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield the unpacked bytes from the start, in pieces; ``check`` raises for a number of bytes that is too large.

    Without ``check``, ``Unreadable`` is raised for a file that unpacks to far more than its size.
    """
    check = check or content.check_swelling
    total = 0
    with content.failures():
        stream = content.stream()
        while piece := stream.read(PIECE):
            total += len(piece)
            check(total)
            yield piece
