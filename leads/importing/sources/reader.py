"""Opens a lead file: CSV or TSV, a workbook, a JSON array, JSON Lines or vCard.

It may be plain, gzipped, from a pipe, or the only file of a zip archive.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from leads.importing.sources.csv_reader import CsvReader
from leads.importing.sources.encodings import LABELS, Detected
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.json_reader import JsonReader
from leads.importing.sources.rows import BadRow, Cells, Record, Unreadable
from leads.importing.sources.source_file import GZIP, SourceFile, encoding_of
from leads.importing.sources.vcard_reader import VcardReader
from leads.importing.sources.workbook_reader import ZIP, WorkbookReader
from leads.importing.sources.zip_limits import members, read_only_file

__all__ = ["FORMATS", "BadRow", "Cells", "Record", "Source", "Unreadable", "open_source"]

WORKBOOKS = ("xlsx", "xls", "xlsb", "ods")
FORMATS = ("csv", "tsv", *WORKBOOKS, "json", "jsonl", "vcf")
_BY_NAME = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".vcf": "vcf",
    ".vcard": "vcf",
}
OLD_EXCEL = b"\xd0\xcf\x11\xe0"
ARCHIVE = "zip"
# Files people take for lists, by their first bytes.
_NOT_LISTS = {
    b"%PDF": "a PDF document; export the list as CSV or .xlsx",
    b"<": "a web page or XML document, whatever its name; export the list as CSV or .xlsx",
}

Reader = CsvReader | JsonReader | VcardReader | WorkbookReader


class Source:
    """An open lead file; a context manager. Iterating it yields ``(line, cells)``, each time from the first record.

    ``header`` names the columns ("" for one without a name). A record that does not fit it comes as a ``BadRow``; blank
    lines do not come at all. ``sha256`` and ``size`` are of the raw bytes. ``encoding`` is None for a workbook,
    ``delimiter`` for all but CSV and TSV; ``header_row`` is the line or row of the header, None or 0 for none. The
    ``sheet`` of a workbook is one of its ``sheets``. ``notes`` are sentences for the report.

    One iteration at a time: a second one begins anew and ends the first. A glance at the beginning is
    ``itertools.islice(source, 10)``.
    """

    def __init__(
        self,
        content: SourceFile,
        format: str,
        reader: Reader,
        resources: contextlib.ExitStack,
        encoding_notes: Sequence[str] = (),
    ) -> None:
        self.name = content.name
        self.sha256 = content.sha256
        self.size = content.size
        self.gzipped = content.gzipped
        self.format = format
        self.encoding: str | None = reader.encoding
        self.delimiter: str | None = getattr(reader, "delimiter", None)
        self.header_row: int | None = getattr(reader, "header_row", None)
        self.sheets: list[str] = getattr(reader, "sheets", [])
        self.sheet: str | None = reader.sheet.name if isinstance(reader, WorkbookReader) else None
        self.header: list[str] = reader.header
        self.notes: list[str] = [*encoding_notes, *getattr(reader, "notes", [])]
        self.is_at = content.is_at
        self._reader = reader
        self._resources = resources

    @property
    def exact(self) -> bool:
        """Return whether the file has texts without formula guards, because spreadsheets do not open such files."""
        return self.format in ("json", "jsonl")

    def __iter__(self) -> Iterator[Record]:
        return iter(self._reader)

    @property
    def position(self) -> int:
        """Return about how many of the ``size`` bytes have been read, for a progress bar."""
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
    """Return the source of a path or a binary file object (standard input, an upload), which the caller closes.

    ``format`` is one of ``FORMATS``; otherwise it is detected from the content and the ``name``. Raises ``Unreadable``
    with a message for a file that is missing, empty, damaged, without rows below its header, or of another format;
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
        reader, notes = _reader(content, format, hints)
        if next(iter(reader), None) is None:
            raise Unreadable(f"{content.name} has a header but no rows.")
        content.stream()  # back to the beginning: nothing has been read yet
        return Source(content, format, reader, resources.pop_all(), notes)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error


def _format(content: SourceFile, format: str | None) -> str:
    """Return the format. Content comes first: many a .csv is a workbook and many a .xls a web page."""
    name, workbook = unwrap(content)
    if workbook:
        return workbook
    head = content.head()
    for start, what in _NOT_LISTS.items():
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise Unreadable(f"{content.name} is {what}.")
    if format in WORKBOOKS:
        raise Unreadable(f"{content.name} is not an Excel workbook (.{format}).")
    if head[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").upper().startswith(b"BEGIN:VCARD"):
        return "vcf"
    named = _BY_NAME.get(Path(name.lower().removesuffix(".gz")).suffix)
    return format or (named if named in ("csv", "tsv") else _json_format(head) or named or "csv")


def unwrap(content: SourceFile, most: int | None = None) -> tuple[str, str | None]:
    """Return the name of the file and, if it is a workbook, its format.

    Of a zip archive with one file, ``content`` reads that file from now on, and the name is that file's. Raises
    ``Unreadable`` for other archives, ``UnpacksToMore`` for one that unpacks to more than ``most`` bytes.
    """
    name, kind = content.name, _container(content)
    if kind == ARCHIVE:
        name = read_only_file(content, most)
        kind = _container(content)
    if kind == ARCHIVE or content.head(2) == GZIP:
        raise Unreadable(f"{content.name} is an archive within an archive; import the file itself.")
    return name, kind


def _container(content: SourceFile) -> str | None:
    """Return the format of a workbook, ``ARCHIVE`` for another zip archive, and ``None`` for anything else."""
    head = content.head(4)
    if head == OLD_EXCEL:
        return "xls"
    if head != ZIP:
        return None
    names = set(members(content))
    for part, kind in (("xl/workbook.xml", "xlsx"), ("xl/workbook.bin", "xlsb"), ("content.xml", "ods")):
        if part in names:
            return kind
    if any(name.endswith(".iwa") for name in names):
        raise Unreadable(f"{content.name} is a Numbers document; export it from Numbers as .xlsx or CSV.")
    return ARCHIVE


def _json_format(head: bytes) -> str | None:
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if text.startswith(b"[") and text[1:].lstrip()[:1] in (b"{", b"]"):
        return "json"
    return "jsonl" if text.startswith(b"{") else None


def _reader(content: SourceFile, format: str, hints: FormatOptions) -> tuple[Reader, list[str]]:
    """Return the reader of a format, and what there is to say of the encoding."""
    if format in WORKBOOKS:
        _refuse_hints(content, "a workbook", encoding=hints.encoding, delimiter=hints.delimiter)
        return WorkbookReader(content, hints, format), []
    _refuse_hints(content, "no workbook", sheet=hints.sheet)
    detected = encoding_of(content, long_lines=format == "json", said=hints.encoding)
    notes = _encoding_notes(detected)
    if format == "vcf":
        _refuse_hints(content, "a vCard file", delimiter=hints.delimiter, header_row=hints.header_row)
        return VcardReader(content, detected.encoding), notes
    if format in ("json", "jsonl"):
        _refuse_hints(content, "JSON", delimiter=hints.delimiter, header_row=hints.header_row)
        return JsonReader(content, detected.encoding, lines=format == "jsonl"), notes
    delimiter = hints.delimiter or ("\t" if format == "tsv" else None)
    reader = CsvReader(content, detected.encoding, delimiter, hints.is_header, hints.header, hints.header_row)
    return reader, notes


def _encoding_notes(detected: Detected) -> list[str]:
    """Return what the report says of an encoding that was found out by the letters."""
    if not detected.words:
        return []
    sure = "" if detected.sure else ", which is not certain (--encoding decides)"
    label = LABELS.get(detected.encoding, detected.encoding)
    return [f"Read as {label} ({detected.encoding}){sure}: {', '.join(detected.words)}."]


def _refuse_hints(content: SourceFile, what: str, **hints: str | int | None) -> None:
    """Raise ``Unreadable`` for options that this kind of file does not have."""
    for name, value in hints.items():
        if value is not None:
            raise Unreadable(f"{content.name} is {what}, so --{name.replace('_', '-')} {value!r} means nothing for it.")
