"""CSV and its relatives: comma, semicolon, tab or bar between the cells."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from leads import formula_escape
from leads.importing.columns.mapping import LEADS
from leads.importing.sources.format_options import MAX_ABOVE, IsHeader, names_by_content, place_of_header, titles_above
from leads.importing.sources.rows import Cells, Record, Unreadable, all_blank, clean_header, fitted, is_rejects_header
from leads.importing.sources.source_file import SourceFile

DELIMITERS = ",;\t|"
MAX_FIELD = 1 << 20  # characters; a longer one means a quotation mark that is never closed
SAMPLE_ROWS = 200

# Follows the last line. A record of its own shows that no quotation mark was open at the end of the file.
_END = "\0end of file\0"
# Programs that write \" for a quotation mark in a cell, which in CSV is "". A letter after it shows that it ends none.
_escaped_quote = re.compile(r'\\"\w')
_escape = re.compile(r'\\(["\\])')
_one_quoted_cell = re.compile(r'\s*"(?:[^"]|"")*"\s*')
# Excel's own way of naming the delimiter, on a first line of its own.
_excel_hint = re.compile(r"\s*\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)


class CsvReader:
    """The header of a CSV file and, as often as it is iterated, its records; raises ``Unreadable``.

    A record's line is the line of the file it starts on, counted as an editor does, quoted line breaks included.
    """

    def __init__(
        self,
        content: SourceFile,
        encoding: str,
        delimiter: str | None = None,
        is_header: IsHeader = LEADS.is_header,
        has_header: bool = True,
        header_row: int | None = None,
    ) -> None:
        self.content = content
        self.header_row: int | None = None
        is_rejects_file = is_rejects_header(content.head(64))
        self.has_header = has_header or is_rejects_file
        self.encoding = encoding
        with content.text(encoding) as text:
            sample = text.read(65_536)
            whole = not text.read(1)
        self.has_backslashes = _escaped_quote.search(sample) is not None
        if self.has_backslashes:
            sample = _unescaped(sample)
        inner = "" if delimiter or not has_header else _inner_text(sample, is_header)
        self.has_whole_rows_in_quotes = bool(inner)
        sample = inner or sample
        first, _, rest = sample.partition("\n")
        hint = _excel_hint.fullmatch(first.rstrip("\r").lstrip("\ufeff"))
        self.skip_hint = bool(hint)
        given = delimiter or (hint.group(1) if hint else None)
        sample = rest if hint else sample
        if not self.has_header:
            self.delimiter, self.above = given or sniffed(sample, whole), 0
            rows = _first_rows(sample, self.delimiter, SAMPLE_ROWS)
            self.header = names_by_content(rows if whole or len(rows) < 2 else rows[:-1])
            self.notes: list[str] = []
            return
        if header_row and not is_rejects_file:
            self.delimiter = given or sniffed("".join(sample.splitlines(keepends=True)[header_row - 1 :]), whole)
            titles, line, header = self._header_from(header_row)
            self.above = len(titles)
        else:
            self.delimiter, self.above = layout(sample, whole, given, is_header)
            with content.text(encoding) as text:
                records = self._records(text)
                titles = [self._next(records)[1] for _ in range(self.above)]
                line, header = self._next(records)
        self.header_row = line
        self.header = [formula_escape.unescape(name) for name in clean_header(header)]
        self.notes = titles_above(f"on line {line:,}", titles)

    def _header_from(self, row: int) -> tuple[list[Cells], int, Cells]:
        """Return the records above the header, the header's line, and the header: on this line or the next one that
        is not blank.
        """
        titles: list[Cells] = []
        with self.content.text(self.encoding) as text:
            records = self._records(text)
            line, cells = self._next(records)
            while line < row and cells != [_END]:
                titles.append(cells)
                line, cells = self._next(records, [_END])
            if cells == [_END]:
                raise Unreadable(f"{self.content.name} has no line {row:,} with anything in it.")
        return titles, line, cells

    def __iter__(self) -> Iterator[Record]:
        allow_long_fields()
        with self.content.text(self.encoding) as text:
            records = self._records(text)
            for _ in range(self.above + self.has_header):
                self._next(records)
            yield from self._rows(records)

    @property
    def position(self) -> int:
        """Return the number of raw bytes read."""
        return self.content.position

    def _rows(self, records: Any) -> Iterator[Record]:
        width = len(self.header)
        plain = width if width > 1 else -1  # in a file of one column every record may be the end
        line, start = 0, records.line_num + 1
        try:
            for cells in records:
                line, start = start, records.line_num + 1
                if len(cells) == plain and cells[0] and not cells[0].isspace():
                    yield line, cells
                elif cells == [_END]:
                    return
                elif not all_blank(cells):
                    yield line, fitted(cells, width)
        except csv.Error as error:
            line, reason = start, str(error)
        else:
            reason = "the file ends within it"
        raise Unreadable(f"A quotation mark opened in the record on line {line} is never closed: {reason}.")

    def _records(self, text: io.TextIOWrapper) -> Any:
        lines = map(_unescaped, text) if self.has_backslashes else text
        if self.has_whole_rows_in_quotes:
            records: Any = _Unquoted(csv.reader(chain(lines, (_END,))), self.delimiter)
        else:
            records = csv.reader(chain(lines, (_END,)), delimiter=self.delimiter, skipinitialspace=True)
        if self.skip_hint:
            next(records)
        return records

    def _next(self, records: Any, at_the_end: Cells | None = None) -> Record:
        """Return the next record that is not blank; ``at_the_end`` if there is none, or ``Unreadable``."""
        line = records.line_num + 1
        for cells in records:
            if cells == [_END]:
                break
            if not all_blank(cells):
                return line, cells
            line = records.line_num + 1
        if at_the_end:
            return line, at_the_end
        raise Unreadable(f"{self.content.name} is empty.")


class _Unquoted:
    """Records of a file in which a program has put each row into quotation marks as a whole."""

    def __init__(self, records: Any, delimiter: str) -> None:
        self.records, self.delimiter = records, delimiter

    @property
    def line_num(self) -> int:
        """Return the number of lines read."""
        return int(self.records.line_num)

    def __iter__(self) -> Iterator[Cells]:
        return self

    def __next__(self) -> Cells:
        cells: Cells = next(self.records)
        if len(cells) != 1 or cells == [_END]:
            return cells
        return next(csv.reader(cells, delimiter=self.delimiter, skipinitialspace=True), [])


def _inner_text(sample: str, is_header: IsHeader) -> str:
    """Return the rows of a sample whose rows are in quotation marks as a whole, without these; "" for other files."""
    lines = [line for line in sample.lstrip("\ufeff").splitlines()[: SAMPLE_ROWS + 1] if line.strip()]
    lines = lines[:-1] or lines  # the last one may be cut off
    if not all(map(_one_quoted_cell.fullmatch, lines)):
        return ""
    text = "\n".join(line.strip()[1:-1].replace('""', '"') for line in lines)
    delimiter, above = layout(text, True, None, is_header)
    header = _first_rows(text, delimiter, above + 1)[-1:]
    return text if header and len(header[0]) > 1 and is_header(header[0]) else ""


def _unescaped(line: str) -> str:
    """Return a line with quotation marks doubled in place of those escaped by a backslash."""
    return _escape.sub(lambda match: '""' if match[1] == '"' else "\\", line) if "\\" in line else line


def allow_long_fields() -> None:
    """Have ``csv`` read fields of up to ``MAX_FIELD`` characters, wherever this process reads one."""
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FIELD))


def layout(sample: str, whole: bool, delimiter: str | None, is_header: IsHeader) -> tuple[str, int]:
    """Return the delimiter (``delimiter`` if given), and how many records that are not blank are above the header.

    Titles above the header mislead the search for a delimiter, so a delimiter that shows a header counts for more.
    """
    best = delimiter or sniffed(sample, whole)
    for candidate in dict.fromkeys((best, *("" if delimiter else DELIMITERS))):
        place = place_of_header(_first_rows(sample, candidate, MAX_ABOVE), is_header)
        if place is not None:
            return candidate, place
    return best, 0


def _first_rows(sample: str, delimiter: str, count: int) -> list[Cells]:
    allow_long_fields()
    records = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, skipinitialspace=True)
    return list(islice((cells for cells in records if not all_blank(cells)), count))


def sniffed(sample: str, whole: bool) -> str:
    """Return the delimiter of the text that starts with ``sample``, or is it (``whole``); a comma if there is none.

    It splits the header and most of the rows after it into the same number of cells.
    """
    return max(DELIMITERS, key=lambda delimiter: _evenness(sample, whole, delimiter))


def _evenness(sample: str, whole: bool, delimiter: str) -> tuple[float, int]:
    rows = [len(cells) for cells in _first_rows(sample, delimiter, SAMPLE_ROWS + 1)]
    if len(rows) <= SAMPLE_ROWS and not whole and len(rows) > 1:
        rows.pop()  # cut off in the middle
    width = rows[0] if rows else 1
    if width < 2:
        return 0.0, 0
    return sum(count == width for count in rows) / len(rows), width
