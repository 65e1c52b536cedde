"""What happened to cells that made nobody's row bad, counted while the rows pass: the operator is told each once.

A remark is counted under what it is about. Counts travel with the batches of rows, so that it makes no difference
which process converts them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from leads.importing.sources.rows import Cells, is_blank

Warnings = Counter[tuple[str, str | int]]

UNUSED = "unused"  # by the column's place: its value gave way to another column's
SEVERAL = "several"  # by field: further values in the same cell
NOT_CLOSED = "not closed"  # a day of closing beside another status
SHARED = "shared"  # a row that updated the oldest of several stored leads
OTHER_NAME = "other name"  # a new lead with the address of somebody of another name
SAME_FILE = "same file"  # by action: a duplicate of an earlier row


def count_unused(cells: Cells, places: Collection[int], remarks: Warnings) -> None:
    """Take note of values that are not stored, because an earlier one of the columns ``places`` has another value."""
    used = None
    for place in places:
        value = cells[place]
        if not value or is_blank(value):
            continue
        told = str(value).strip().casefold()
        if used is None:
            used = told
        elif told != used:
            remarks[UNUSED, place] += 1


def as_sentences(remarks: Warnings, header: Sequence[str], columns: Iterable[Sequence[int]]) -> list[str]:
    """The remarks as sentences; ``columns`` are the places of the columns that fill one field, in order."""
    preferred = {place: places[0] for places in columns for place in places}
    lines = []
    for (kind, about), count in sorted(remarks.items(), key=str):
        values, rows = _counted(count, "value"), _counted(count, "row")
        if kind == UNUSED and isinstance(about, int):
            name, first = header[about], header[preferred[about]]
            verb = "was" if count == 1 else "were"
            lines.append(f"Column {name!r} was used only where {first!r} was blank: {values} of it {verb} not stored.")
        elif kind == SEVERAL:
            lines.append(f"Several values in one cell, the first was stored as {about}: {rows}.")
        elif kind == NOT_CLOSED:
            lines.append(f"closed_at was left out where the status is not closed: {rows}.")
        elif kind == SHARED:
            lines.append(f"Several stored leads have the row's {about}, the oldest was updated: {rows}.")
        elif kind == OTHER_NAME and count:
            verb = "has" if count == 1 else "have"
            lines.append(f"{rows} {verb} the address of somebody of another name, and became {_leads(count)}.")
        elif kind == SAME_FILE:
            done = "duplicated" if about == "skipped" else "changed"
            lines.append(f"{rows} {done} an earlier row of the same file.")
    return lines


def _leads(count: int) -> str:
    return "a lead of its own" if count == 1 else "leads of their own"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
