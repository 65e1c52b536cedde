"""Writes rows as CSV, Excel workbook or JSON Lines, one by one: memory does not grow with their number.

Cells are null, text, whole numbers; text in CSV is guarded against being run as a formula (see ``importing/guard.py``).
A workbook's cells are typed, so a text is never run, and only what looks like a guard is guarded. JSON needs none.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple, Protocol, cast

import orjson
import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from leads import formula_escape

FORMATS = ("csv", "xlsx", "jsonl")
MAX_ROWS = 1 << 20  # Excel's limits: rows, the header included,
MAX_CELL = 32_767  # UTF-16 units in a cell,
MAX_EXACT = 10**15  # and numbers it shows to the last digit; larger ones are written as text

_unwritable = re.compile("[\ufffe\uffff]")  # characters that XML, and so a workbook, cannot hold

Row = Mapping[str, Any]


class Form(NamedTuple):
    """A kind of rows: what it is called, its columns, and those of them where "" is another value than null."""

    name: str
    columns: tuple[str, ...]
    nullable_texts: frozenset[str]


class Unwritable(Exception):
    """The rows cannot be written in this format; a sentence for the operator."""


class Write(Protocol):
    """Adds one row, which has at least the form's columns."""

    def __call__(self, row: Row) -> None: ...


def table(format: str, file: IO[bytes], form: Form, raw: bool = False) -> AbstractContextManager[Write]:
    """Return a context manager with a function that adds a row to ``file``; ``raw`` adds no formula guards.

    The file is complete when the block ends. Raises ``Unwritable``, and ``OSError`` if the file cannot be written.
    """
    return {"csv": _csv, "xlsx": _xlsx, "jsonl": _json_lines}[format](file, form, raw)


@contextmanager
def _csv(file: IO[bytes], form: Form, raw: bool) -> Iterator[Write]:
    text = io.TextIOWrapper(cast(io.BufferedWriter, file), "utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(form.columns)
    columns, nullable = form.columns, form.nullable_texts

    def cell(column: str, value: Any) -> Any:
        if value.__class__ is not str or (value == "" and column not in nullable):
            return value
        return formula_escape.escape(value)

    def write(row: Row) -> None:
        writer.writerow([row[column] if raw else cell(column, row[column]) for column in columns])

    try:
        yield write
        text.flush()
    finally:
        text.detach()  # or it would close a file that is not its own


@contextmanager
def _json_lines(file: IO[bytes], form: Form, raw: bool) -> Iterator[Write]:
    def write(row: Row) -> None:
        file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    yield write
    file.flush()


@contextmanager
def _xlsx(file: IO[bytes], form: Form, raw: bool) -> Iterator[Write]:
    with TemporaryDirectory() as folder:  # where the rows wait for the end, because they go into an archive
        yield from _rows_of_workbook(file, form, raw, folder)


def _rows_of_workbook(file: IO[bytes], form: Form, raw: bool, folder: str) -> Iterator[Write]:
    workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "use_zip64": True, "tmpdir": folder})
    sheet = workbook.add_worksheet(form.name.capitalize())
    for place, column in enumerate(form.columns):
        sheet.write_string(0, place, column)
    sheet.freeze_panes(1, 0)
    number = 0

    def write(row: Row) -> None:
        nonlocal number
        number += 1
        if number == MAX_ROWS:
            raise Unwritable(f"a workbook holds {MAX_ROWS - 1:,} {form.name} at most; export CSV or JSON Lines")
        for place, column in enumerate(form.columns):
            value = row[column]
            if value.__class__ is int and value < MAX_EXACT:
                sheet.write_number(number, place, value)
            elif value is not None and (text := _text(column, str(value), form, raw, row)):
                sheet.write_string(number, place, text)

    try:
        yield write
        workbook.close()
    except XlsxWriterException as error:
        raise Unwritable(f"the workbook cannot be written: {error}") from error
    finally:
        sheet.row_data_fh.close()


def _text(column: str, value: str, form: Form, raw: bool, row: Row) -> str:
    """Return the text of a workbook's cell; raise ``Unwritable`` for what Excel would cut off or report as damaged."""
    if not raw and (formula_escape.is_needed_in_workbook(value) or (value == "" and column in form.nullable_texts)):
        value = formula_escape.escape(value)
    if len(value) > MAX_CELL // 2 and len(value.encode("utf-16-le")) // 2 > MAX_CELL:
        reason = f"is longer than the {MAX_CELL:,} characters a workbook's cell holds"
    elif not value.isascii() and _unwritable.search(value):
        reason = "has a character that no workbook can hold (U+FFFE or U+FFFF)"
    else:
        return value
    raise Unwritable(f"{column} of {form.name} number {row['id']} {reason}; export CSV or JSON Lines")
