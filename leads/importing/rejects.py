"""The rejects file: every row with errors as it was read, with its line and errors, to correct and import again."""

import csv
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crm_project.private_files import create
from leads import formula_escape
from leads.importing.sources.rows import BadRow
from leads.importing.stats import Refused, showable

_half_character = re.compile(f"[{chr(0xD800)}-{chr(0xDFFF)}]")
MAX_EXACT = 10**15  # numbers with a fraction are exact so far
TEXT: Any = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}
LINE, PROBLEMS = "import_line", "import_problems"


class Rejects:
    """A CSV file with the columns ``import_line`` and ``import_problems`` before the original ones.

    It is for its owner alone, and is written beside its name: it takes the name only when the import ends, so that a
    killed import leaves no half file that looks whole; a pipe or a device is written to as it is. No cell of it is run
    as a formula (see ``guard``); ``guards`` says that the texts come from a file that never has guards. Made first and
    opened then, so that whoever is interrupted knows what to drop.
    """

    file: Any = None
    rows = 0  # written
    ended = False

    def __init__(self, path: Path, header: Sequence[str], guards: bool = False) -> None:
        self.path, self.guards = path, guards
        if path.is_dir():
            raise Refused(f"cannot write {path}: it is a folder")
        if path.exists() and not path.is_file():
            self.place = self.part = path
        else:
            self.place = path.resolve()  # a link stays a link
            self.part = self.place.with_name(f"{self.place.name}.{os.getpid()}.part")
        self.names = [cell for cell in header if cell not in (LINE, PROBLEMS)]
        self.places = [place for place, cell in enumerate(header) if cell not in (LINE, PROBLEMS)]
        self.width = len(header)

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
        self.writer = csv.writer(self.file)
        self.writer.writerow([LINE, PROBLEMS, *(name and formula_escape.escape(name) for name in self.names)])

    def write(self, line: int, cells: Sequence[Any], problems: Sequence[dict[str, Any]]) -> None:
        """One bad row; its problems become one line of text."""
        self.add(line, cells, "; ".join(f"{problem['column']}: {problem['reason']}" for problem in problems))

    def add(self, line: int, cells: Sequence[Any], reason: str) -> None:
        """One row, and why it is in this file, as one line of text."""
        self.rows += 1
        text = " ".join(reason.split())
        own = [cells[place] if place < len(cells) else "" for place in self.places]
        extra = list(cells[self.width :])
        if self.guards and isinstance(cells, BadRow):
            extra.append(
                "not a row"
            )  # text that is no JSON must not come in as a name when it is imported again as it is
        guarded = _guarded if self.guards else _guarded_again
        texts = (guarded(_as_text(cell)) for cell in (*own, *extra))
        self.writer.writerow([line, formula_escape.escape(text) if formula_escape.is_run(text) else text, *texts])

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


def _as_text(cell: Any) -> Any:
    """A cell from JSON or a workbook as the import would read it from text."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < MAX_EXACT:
        return int(cell)
    if isinstance(cell, list | dict | bool):
        return showable(json.dumps(cell, ensure_ascii=False))
    return cell


def _guarded(cell: Any) -> Any:
    """A text of JSON with a guard. Half a character, which no file holds, becomes NUL: just as bad when fed back."""
    return formula_escape.escape(_half_character.sub(chr(0), cell)) if isinstance(cell, str) and cell else cell


def _guarded_again(cell: Any) -> Any:
    """A text of a file that a spreadsheet may have written, with the guards it lacks."""
    return formula_escape.escape_again(cell) if isinstance(cell, str) else cell


def numbered(path: Path, number: int) -> Path:
    """The rejects file of one of several files: ``rejects.csv`` becomes ``rejects-2.csv``."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")
