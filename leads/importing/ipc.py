"""Batches as bytes, for the pipe between an import's two processes: JSON, which can hold values but nothing that runs.

orjson writes and reads it in a fraction of the time that the rows' checking takes. What JSON has no form for is tagged
where it can stand (cells and problems); what orjson does not take (half a character, a number beyond 64 bits) sends its
batch by way of the standard library.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import orjson

from crm_project.validation import FieldError
from leads.importing.sorting import Aside
from leads.importing.sources.rows import BadRow, Cells
from leads.importing.warnings import Warnings

ORJSON, JSON = b"o", b"j"  # the first byte: who wrote it
PLAIN = {str, type(None)}  # types of most cells

Bad = tuple[int, Any, list[FieldError]]  # line, cells, problems
Pack = Callable[[list[Any]], list[Any]]


class Batch(NamedTuple):
    """Some consecutive rows: ``good`` as ``make`` made them, ``bad`` with line, cells and problems.

    ``aside`` are rows that are neither. ``warnings`` and ``report`` (as ``CellReport.taken`` returns it) are what there
    is to say of their cells.
    """

    read: int
    good: list[Any]
    bad: list[Bad]
    position: int
    warnings: Warnings
    report: list[Any]
    aside: Sequence[Aside] = ()


def packed(batch: Batch, pack: Pack) -> bytes:
    """The batch in bytes; ``pack`` makes lists of plain values and moments of its good rows."""
    warnings = [[*about, count] for about, count in batch.warnings.items()]
    bad = [_bad(*row) for row in batch.bad]
    whole = [batch.read, pack(batch.good), bad, batch.position, warnings, batch.report]
    whole.append([[row.line, cells_packed(row.cells), *row[2:]] for row in batch.aside])
    try:
        return ORJSON + orjson.dumps(whole)
    except TypeError:
        return JSON + json.dumps(whole, default=datetime.isoformat).encode()


def unpacked(sent: bytes, unpack: Pack) -> Batch:
    """The batch again; ``unpack`` makes good rows of what ``pack`` made of them, with moments as texts."""
    loads = orjson.loads if sent[:1] == ORJSON else json.loads
    read, good, bad, position, warnings, report, aside = loads(sent[1:])
    counts: Warnings = Counter({(kind, about): count for kind, about, count in warnings})
    bad, aside = [_bad_again(*row) for row in bad], tuple(Aside(row[0], cells_again(row[1]), *row[2:]) for row in aside)
    return Batch(read, unpack(good), bad, position, counts, report, aside)


# A moment again. Rows of one load share most of theirs, and are then given the same object, by which ``load`` knows it.
moment = lru_cache(maxsize=1024)(datetime.fromisoformat)


def cells_packed(cells: Cells | None) -> Any:
    """Cells of any type, those of texts as they are."""
    if cells is None or PLAIN.issuperset(map(type, cells)):
        return cells
    return {"cells": [_tagged(cell) for cell in cells]}


def cells_again(sent: Any) -> Any:
    """The cells again."""
    return [_untagged(cell) for cell in sent["cells"]] if sent.__class__ is dict else sent


def _bad(line: int, cells: Cells, problems: list[FieldError]) -> list[Any]:
    errors = [[kind, list(loc), msg, _tagged(value)] for kind, loc, msg, value in problems]
    return [line, isinstance(cells, BadRow), cells_packed(list(cells)), errors]


def _bad_again(line: int, misfit: bool, cells: Any, errors: list[Any]) -> Bad:
    problems = [FieldError(kind, tuple(loc), msg, _untagged(value)) for kind, loc, msg, value in errors]
    cells = cells_again(cells)
    return line, BadRow(cells, *problems) if misfit else cells, problems


def _tagged(value: Any) -> Any:
    """A value as it is, or in a list of two: its kind, and what tells it."""
    match value:
        case None | str() | bool() | int():
            return value
        case float():
            return value if isfinite(value) else ["float", repr(value)]
        case datetime():
            return ["moment", value.isoformat()]
        case date():
            return ["day", value.isoformat()]
        case time():
            return ["time", value.isoformat()]
        case timedelta():
            return ["span", [value.days, value.seconds, value.microseconds]]
        case list():
            return ["list", [_tagged(one) for one in value]]
    return ["object", json.dumps(value)]


_UNTAGGED: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "time": time.fromisoformat,
    "span": lambda parts: timedelta(*parts),
    "list": lambda parts: [_untagged(part) for part in parts],
    "object": json.loads,
}


def _untagged(value: Any) -> Any:
    return _UNTAGGED[value[0]](value[1]) if value.__class__ is list else value
