"""The rejects file: every row with errors as it was read, with its line and errors, to correct and import again."""

import csv
import io
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from crm_project.private_files import create
from crm_project.validation import InvalidValue
from leads import formula_escape
from leads.importing.cells import dates
from leads.importing.columns.mapping import Mapping as Columns
from leads.importing.sources.reader import Source
from leads.importing.sources.rows import LINE, PROBLEMS, BadRow
from leads.importing.stats import Refused, showable

_half_character = re.compile(f"[{chr(0xD800)}-{chr(0xDFFF)}]")
MAX_EXACT = 10**15  # numbers with a fraction are exact so far
TEXT: Any = {"newline": "", "encoding": "utf-8-sig", "errors": "surrogateescape"}  # the mark is for Excel


class Layout:
    """How rows of a file are written so that they mean the same when they are read again without its options.

    What is set for all rows stands in the columns of its fields, dates are written as ISO, a column without a name that
    fills a field is named after it, and the delimiter is that of the file.
    """

    def __init__(self, source: Source, columns: Columns, with_offset: bool = False) -> None:
        """``with_offset``: times without a zone are not in the office's zone, so their offset is written."""
        self.columns, self.with_offset = columns, with_offset
        self.delimiter = source.delimiter or ","
        self.guards = source.exact
        self.width = len(columns.header)
        self.places = [place for place, cell in enumerate(columns.header) if cell not in (LINE, PROBLEMS)]
        self.dates = {place: target for target, places in columns.dates().items() for place in places}
        self.constants, self.added = self._places_of_constants()
        named = {place: target for target, places in columns.columns.items() for place in places}
        names = [columns.header[place] or named.get(place, "") for place in self.places]
        self.names = [*names, *self.added]

    def _places_of_constants(self) -> tuple[dict[int, str], dict[str, str]]:
        """Return the cells that take the values for all rows, and the values that need a column of their own."""
        overwritten: dict[int, str] = {}
        added: dict[str, str] = {}
        known = self.columns.vocabulary.known
        for target, value in self.columns.constants.items():
            ranked = sorted(
                (known(name)[1], place)
                for place, name in enumerate(self.columns.header)
                if name and known(name)[0] == target and name not in self.columns.ignored
            )
            text = self._as_iso(target, value)
            overwritten |= {place: "" if number else text for number, (_, place) in enumerate(ranked)}
            if not ranked:
                added[target] = text
        return overwritten, added

    def texts(self, cells: Sequence[Any], with_constants: bool) -> list[Any]:
        """Return the cells of a row to be written; cells beyond the header stay beyond it."""
        constants = self.constants if with_constants else {}
        own = [constants.get(place, self._cell(place, cells)) for place in self.places]
        extra = list(cells[self.width :])
        if self.guards and isinstance(cells, BadRow):
            extra.append("not a row")  # text that is no JSON must not come in as a name when it is imported again
        guarded = _guarded if self.guards else _guarded_again
        added = [value if with_constants else "" for value in self.added.values()]
        return [guarded(_as_text(cell)) for cell in (*own, *added, *extra)]

    def _cell(self, place: int, cells: Sequence[Any]) -> Any:
        cell = cells[place] if place < len(cells) else ""
        return self._as_iso(self.dates[place], cell) if place in self.dates else cell

    def _as_iso(self, target: str, cell: Any) -> Any:
        columns = self.columns
        if target not in columns.vocabulary.dates:
            return cell
        day_first, zone = target in columns.day_first, columns.cell_options.zone
        try:
            return dates.unambiguous(cell, day_first, zone, self.with_offset)
        except (InvalidValue, OverflowError):
            return cell


class Rejects:
    """A CSV file with the columns ``import_line`` and ``import_problems`` before the original ones.

    It is for its owner alone, and is written beside its name: it takes the name only when the import ends, so that a
    killed import leaves no half file that looks whole; a pipe or a device is written to as it is. No cell of it is run
    as a formula (see ``guard``). Made first and
    opened then, so that whoever is interrupted knows what to drop. ``Stream`` is one in an open file without a name.
    """

    file: Any = None
    rows = 0  # written
    ended = False

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path: Path | None = path
        self.layout = layout
        if path.is_dir():
            raise Refused(f"cannot write {path}: it is a folder")
        if path.exists() and not path.is_file():
            self.place = self.part = path
        else:
            self.place = path.resolve()  # a link stays a link
            self.part = self.place.with_name(f"{self.place.name}.{os.getpid()}.part")

    def open(self) -> None:
        """Make the file; ``Refused`` where that cannot be."""
        try:
            if self.part == self.place:
                self.file = self.part.open("w", **TEXT)
            else:
                self.file = create(self.part, "x", **TEXT)
        except OSError as error:
            self.ended = True  # there is none
            raise Refused(f"cannot write {self.path}: {error.strerror}") from None
        self.begin()

    def begin(self) -> None:
        """Write the header."""
        self.writer = csv.writer(self.file, delimiter=self.layout.delimiter)
        self.writer.writerow([LINE, PROBLEMS, *(name and formula_escape.escape(name) for name in self.layout.names)])

    def write(self, line: int, cells: Sequence[Any], problems: Sequence[dict[str, Any]]) -> None:
        """Write one rejected row, with its problems as one line of text."""
        self.add(line, cells, "; ".join(f"{problem['column']}: {problem['reason']}" for problem in problems))

    def add(self, line: int, cells: Sequence[Any], reason: str, with_constants: bool = True) -> None:
        """Write one row, and the reason why it is in this file as one line of text."""
        self.rows += 1
        text = " ".join(reason.split())
        shown = formula_escape.escape(text) if formula_escape.is_run(text) else text
        self.writer.writerow([line, shown, *self.layout.texts(cells, with_constants)])

    def finish(self) -> None:
        """Put the whole file in its place."""
        self.file.flush()
        if self.part != self.place:
            os.fsync(self.file.fileno())
            self.part.replace(self.place)
        self.file.close()
        self.ended = True

    def drop(self) -> None:
        """Leave nothing behind."""
        self.ended = True
        if self.file:
            self.file.close()
        if self.part != self.place:
            self.part.unlink(missing_ok=True)


class Stream(Rejects):
    """Rejects in a binary file that the caller opens and closes. The file is empty unless the import ends."""

    def __init__(self, stream: IO[bytes], layout: Layout) -> None:
        self.path, self.layout, self.stream = None, layout, stream

    def open(self) -> None:
        """Write the header."""
        self.file = io.TextIOWrapper(self.stream, **TEXT)
        self.begin()

    def finish(self) -> None:
        """Write what is in the buffer."""
        self.file.detach()
        self.stream.flush()
        self.ended = True

    def drop(self) -> None:
        """Leave the file empty."""
        self.ended = True
        with suppress(OSError):
            self.file.detach()
        self.stream.seek(0)
        self.stream.truncate()


def output(target: Path | IO[bytes], layout: Layout) -> Rejects:
    """Return the file of rows that is written to ``target``."""
    return Rejects(target, layout) if isinstance(target, Path) else Stream(target, layout)


def _as_text(cell: Any) -> Any:
    """Return a cell of JSON or a workbook as an import would read it from text."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < MAX_EXACT:
        return int(cell)
    if isinstance(cell, list | dict | bool):
        return showable(json.dumps(cell, ensure_ascii=False))
    return cell


def _guarded(cell: Any) -> Any:
    """Return a text of JSON with a guard. Half a character, which no file can contain, becomes NUL, as invalid."""
    return formula_escape.escape(_half_character.sub(chr(0), cell)) if isinstance(cell, str) and cell else cell


def _guarded_again(cell: Any) -> Any:
    """Return a text of a file that a spreadsheet may have written, with the guards that it lacks."""
    return formula_escape.escape_again(cell) if isinstance(cell, str) else cell


def numbered(path: Path, number: int) -> Path:
    """Return the path of the rejects file of one of several files: ``rejects-2.csv`` from ``rejects.csv``."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")
