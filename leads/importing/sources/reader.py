"""Opens a lead file, whatever it is: CSV or TSV, XLSX, a JSON array or JSON Lines; plain, gzipped or from a pipe."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from leads.importing.sources.csv_reader import CsvReader
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.json_reader import JsonReader
from leads.importing.sources.rows import BadRow, Cells, Record, Unreadable
from leads.importing.sources.source_file import SourceFile, encoding_of
from leads.importing.sources.xlsx_reader import ZIP, XlsxReader

__all__ = ["FORMATS", "BadRow", "Cells", "Record", "Source", "Unreadable", "open_source"]

FORMATS = ("csv", "tsv", "xlsx", "json", "jsonl")
_BY_NAME = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
# Files people take for lists, by their first bytes.
_NOT_LISTS = {
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls) or one with a password; save it as .xlsx or CSV",
    b"%PDF": "a PDF document; export the list as CSV or .xlsx",
    b"<": "a web page or XML document, whatever its name; export the list as CSV or .xlsx",
}

Reader = CsvReader | JsonReader | XlsxReader


class Source:
    """An open lead file; a context manager. Iterating it yields ``(line, cells)``, each time from the first record.

    ``header`` names the columns ("" for one without a name). A record that does not fit it comes as a ``BadRow``; blank
    lines do not come at all. ``sha256`` and ``size`` are of the raw bytes. ``encoding`` is None for a workbook,
    ``delimiter`` for all but CSV and TSV. ``notes`` are sentences for the report.

    One iteration at a time: a second one begins anew and ends the first. A glance at the beginning is
    ``itertools.islice(source, 10)``.
    """

    def __init__(self, content: SourceFile, format: str, reader: Reader, resources: contextlib.ExitStack) -> None:
        self.name = content.name
        self.sha256 = content.sha256
        self.size = content.size
        self.gzipped = content.gzipped
        self.format = format
        self.encoding: str | None = reader.encoding
        self.delimiter: str | None = getattr(reader, "delimiter", None)
        self.header: list[str] = reader.header
        self.notes: list[str] = getattr(reader, "notes", [])
        self.is_at = content.is_at
        self._reader = reader
        self._resources = resources

    @property
    def exact(self) -> bool:
        """Whether texts stand in the file as they are, because no spreadsheet opens or writes such files."""
        return self.format in ("json", "jsonl")

    def __iter__(self) -> Iterator[Record]:
        return iter(self._reader)

    @property
    def position(self) -> int:
        """How many of the ``size`` bytes have been read by the iteration so far, roughly: for a progress bar."""
        return self._reader.position

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, unless the caller opened it."""
        self._resources.close()


def open_source(
    file: str | Path | IO[bytes],
    *,
    name: str | None = None,
    format: str | None = None,
    hints: FormatOptions = FormatOptions(),  # noqa: B008  frozen
) -> Source:
    """The lead file at a path, or in a binary file object (standard input, an upload), which stays the caller's.

    ``format`` is one of ``FORMATS``, else it is found out from the content and the ``name``. Raises ``Unreadable`` with
    a sentence for a file that is missing, empty, damaged, without rows below its header, or none of these formats;
    ``ValueError`` for an unknown ``format``.
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"unknown format {format!r}, must be one of {', '.join(FORMATS)}")
    with contextlib.ExitStack() as resources:
        if isinstance(file, str | Path):
            name = name or Path(file).name
            file = resources.enter_context(_opened(Path(file)))
        content = SourceFile(file, name or "Standard input")
        resources.callback(content.close)
        format = _format(content, format)
        reader = _reader(content, format, hints)
        if next(iter(reader), None) is None:
            raise Unreadable(f"{content.name} has a header but no rows.")
        content.stream()  # back to the beginning: nothing has been read yet
        return Source(content, format, reader, resources.pop_all())


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error


def _format(content: SourceFile, format: str | None) -> str:
    """Content first, because names lie: many a .csv is a workbook and many a .xls a web page."""
    head = content.head()
    if head.startswith(ZIP):
        return "xlsx"
    for start, what in _NOT_LISTS.items():
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise Unreadable(f"{content.name} is {what}.")
    if format == "xlsx":
        raise Unreadable(f"{content.name} is not an Excel workbook (.xlsx).")
    named = _BY_NAME.get(Path(content.name.lower().removesuffix(".gz")).suffix)
    return format or (named if named in ("csv", "tsv") else _json_format(head) or named or "csv")


def _json_format(head: bytes) -> str | None:
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b"[") and text[1:].lstrip()[:1] in (b"{", b"]"):
        return "json"
    return "jsonl" if text.startswith(b"{") else None


def _reader(content: SourceFile, format: str, hints: FormatOptions) -> Reader:
    if format == "xlsx":
        _refuse_hints(content, "a workbook", encoding=hints.encoding, delimiter=hints.delimiter)
        return XlsxReader(content, hints)
    _refuse_hints(content, "no workbook", sheet=hints.sheet)
    encoding = encoding_of(content, long_lines=format == "json", said=hints.encoding)
    if format in ("json", "jsonl"):
        _refuse_hints(content, "JSON", delimiter=hints.delimiter)
        return JsonReader(content, encoding, lines=format == "jsonl")
    return CsvReader(content, encoding, hints.delimiter or ("\t" if format == "tsv" else None), hints.is_header)


def _refuse_hints(content: SourceFile, what: str, **hints: str | None) -> None:
    """Nothing that an operator says goes unheard."""
    for name, value in hints.items():
        if value is not None:
            raise Unreadable(f"{content.name} is {what}, so --{name} {value!r} means nothing for it.")
