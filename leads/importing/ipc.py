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
    """Some consecutive rows: ``good`` as ``make`` returned them, ``bad`` with line, cells and problems.

    ``aside`` are rows that are neither. ``warnings`` and ``report`` (see ``CellReport.taken``) are about their cells.
    """

    read: int
    good: list[Any]
    bad: list[Bad]
    position: int
    warnings: Warnings
    report: list[Any]
    aside: Sequence[Aside] = ()


def serialize(batch: Batch, pack: Pack) -> bytes:
    """Return the batch as bytes. ``pack`` converts its valid rows to lists of plain values and timestamps."""
    warnings = [[*about, count] for about, count in batch.warnings.items()]
    bad = [_serialize_bad(*row) for row in batch.bad]
    whole = [batch.read, pack(batch.good), bad, batch.position, warnings, batch.report]
    whole.append([[row.line, serialize_cells(row.cells), *row[2:]] for row in batch.aside])
    try:
        return ORJSON + orjson.dumps(whole)
    except TypeError:
        return JSON + json.dumps(whole, default=datetime.isoformat).encode()


def deserialize(sent: bytes, unpack: Pack) -> Batch:
    """Return the batch from its bytes. ``unpack`` reverses ``pack``; timestamps are texts."""
    loads = orjson.loads if sent[:1] == ORJSON else json.loads
    read, good, bad, position, warnings, report, aside = loads(sent[1:])
    counts: Warnings = Counter({(kind, about): count for kind, about, count in warnings})
    rejected = [_deserialize_bad(*row) for row in bad]
    others = tuple(Aside(row[0], deserialize_cells(row[1]), *row[2:]) for row in aside)
    return Batch(read, unpack(good), rejected, position, counts, report, others)


# Rows of one file share most of their timestamps, and then have the same object.
timestamp = lru_cache(maxsize=1024)(datetime.fromisoformat)


def serialize_cells(cells: Cells | None) -> Any:
    """Return cells in a form that JSON has; texts are unchanged."""
    if cells is None or PLAIN.issuperset(map(type, cells)):
        return cells
    return {"cells": [_tagged(cell) for cell in cells]}


def deserialize_cells(sent: Any) -> Any:
    """Return the cells from the form of ``serialize_cells``."""
    return [_untagged(cell) for cell in sent["cells"]] if sent.__class__ is dict else sent


def _serialize_bad(line: int, cells: Cells, problems: list[FieldError]) -> list[Any]:
    errors = [[kind, list(loc), msg, _tagged(value)] for kind, loc, msg, value in problems]
    return [line, isinstance(cells, BadRow), serialize_cells(list(cells)), errors]


def _deserialize_bad(line: int, misfit: bool, cells: Any, errors: list[Any]) -> Bad:
    problems = [FieldError(kind, tuple(loc), msg, _untagged(value)) for kind, loc, msg, value in errors]
    cells = deserialize_cells(cells)
    return line, BadRow(cells, *problems) if misfit else cells, problems


def _tagged(value: Any) -> Any:
    """Return a value unchanged if JSON has its type, or a list of its type and its text."""
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
