"""Whether the dates with slashes in a file have the day or the month first: decided for a column, not row by row.

``13/05/2024`` can only have the day first, so ``03/04/2024`` in the same column has too. A file whose dates are written
otherwise (ISO, a month's name) costs the reading of its first rows, one without dates nothing.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

from leads.importing.sources.rows import Cells, Record

if TYPE_CHECKING:
    from leads.importing.columns.mapping import Mapping as Columns
    from leads.importing.sources.reader import Source

Order = Literal["day-first", "month-first"]
ORDERS: tuple[Order, ...] = ("day-first", "month-first")
LOOK_AHEAD = 5_000  # rows; further ones only as long as there are only dates that can mean either

_slashes = re.compile(r"\s*(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?!\d)", re.ASCII)


class Column:
    """Counts of a field's dates: with the day first, with the month first, and ambiguous ones."""

    def __init__(self, places: Collection[int]) -> None:
        self.places = places
        self.day_first = self.month_first = self.either = 0

    def count(self, cells: Cells) -> None:
        """Count one row's dates."""
        for place in self.places:
            value = cells[place] if place < len(cells) else None
            if value.__class__ is str and (match := _slashes.match(value)):
                first, second = int(match.group(1)), int(match.group(2))
                self.day_first += first > 12 >= second
                self.month_first += second > 12 >= first
                self.either += first <= 12 and second <= 12

    @property
    def undecided(self) -> bool:
        """Return whether more rows could change the order."""
        return self.either > 0 and not self.day_first and not self.month_first

    @property
    def order(self) -> Order:
        """Return the order of most dates that have only one reading; the month first without any."""
        return "day-first" if self.day_first > self.month_first else "month-first"

    def notes(self, name: str) -> list[str]:
        """Return what the report says of the decision."""
        other = ORDERS[self.order == "day-first"]
        if self.day_first and self.month_first:
            return [
                f"Dates in {name!r} contradict each other: {self.day_first:,} have the day first, {self.month_first:,} "
                f"the month; all were read {self.order}."
            ]
        if self.undecided:
            return [f"Dates in {name!r} may mean either order, read month-first as in 12/31 (--dates {other})."]
        return [f"Dates in {name!r} have the day first, as in 31/12."] if self.day_first else []


def settled(source: "Source", columns: "Columns") -> tuple["Columns", list[str]]:
    """Return a file's plan with the order of its dates, and what the report says of that."""
    if not (dates := columns.dates()):
        return columns, []
    found = decide(source, dates)
    day_first = frozenset(field for field, column in found.items() if column.order == "day-first")
    notes = [note for field, column in found.items() for note in column.notes(columns.column_of(field))]
    return replace(columns, day_first=day_first), notes


def decide(records: Iterable[Record], columns: Mapping[str, Collection[int]]) -> dict[str, Column]:
    """Return the counts of each field of dates, at the places of its columns; stops reading when it is clear."""
    found = {field: Column(places) for field, places in columns.items()}
    rows = iter(records)
    _count(islice(rows, LOOK_AHEAD), found.values())
    while any(column.undecided for column in found.values()):
        if not _count(islice(rows, LOOK_AHEAD), found.values()):
            break
    return found


def _count(rows: Iterable[Record], columns: Collection[Column]) -> int:
    count = 0
    for _, cells in rows:
        count += 1
        for column in columns:
            column.count(cells)
    return count
