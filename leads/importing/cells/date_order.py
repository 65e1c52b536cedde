"""Whether the dates with strokes in a file have the day first or the month: decided for a whole column, not row by row.

``13/05/2024`` can only have the day first, so ``03/04/2024`` in the same column has too. A file whose dates are written
otherwise (ISO, a month's name) costs a look at its first rows, one without dates nothing.
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
LOOK_AHEAD = 5_000  # rows; further ones only as long as there are dates with strokes that mean either

_stroke = re.compile(r"\s*(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?!\d)", re.ASCII)


class Column:
    """What the dates of one field look like so far."""

    def __init__(self, places: Collection[int]) -> None:
        self.places = places
        self.day_first = self.month_first = self.either = 0

    def look(self, cells: Cells) -> None:
        """Take note of one row's dates."""
        for place in self.places:
            value = cells[place] if place < len(cells) else None
            if value.__class__ is str and (match := _stroke.match(value)):
                first, second = int(match.group(1)), int(match.group(2))
                self.day_first += first > 12 >= second
                self.month_first += second > 12 >= first
                self.either += first <= 12 and second <= 12

    @property
    def undecided(self) -> bool:
        """Whether more rows could tell more."""
        return self.either > 0 and not self.day_first and not self.month_first

    @property
    def order(self) -> Order:
        """What most dates that can mean only one say; the month first if none does."""
        return "day-first" if self.day_first > self.month_first else "month-first"

    def told(self, name: str) -> list[str]:
        """What the operator should know of the decision."""
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
    """A file's plan with the order of its dates decided by a look at them, and what to tell of that."""
    if not (dates := columns.dates()):
        return columns, []
    looks = decide(source, dates)
    day_first = frozenset(field for field, look in looks.items() if look.order == "day-first")
    told = [note for field, look in looks.items() for note in look.told(columns.column_of(field))]
    return replace(columns, day_first=day_first), told


def decide(records: Iterable[Record], columns: Mapping[str, Collection[int]]) -> dict[str, Column]:
    """A look at a file's ``records``, for each field of dates at the places of its columns; stops when it is clear."""
    looks = {field: Column(places) for field, places in columns.items()}
    rows = iter(records)
    _look(islice(rows, LOOK_AHEAD), looks.values())
    while any(look.undecided for look in looks.values()):
        if not _look(islice(rows, LOOK_AHEAD), looks.values()):
            break
    return looks


def _look(rows: Iterable[Record], looks: Collection[Column]) -> int:
    count = 0
    for _, cells in rows:
        count += 1
        for look in looks:
            look.look(cells)
    return count
