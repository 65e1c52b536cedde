"""The requests of clients and the responses they got, for a comparison with the stored data.

A write is ``ACKNOWLEDGED`` once its 2xx reply was read, ``REFUSED`` on a 4xx, and ``OPEN`` when the reply was lost or
was a 503: then it may have happened or not, but not by half.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

OPEN, ACKNOWLEDGED, REFUSED = "open", "acknowledged", "refused"


@dataclass
class Batch:
    """Rows sent in one request, all with one ``tag``."""

    rows: int
    fate: str = OPEN
    ids: list[int] = field(default_factory=list)


@dataclass
class Ledger:
    """The ledger of a writer. Only this writer updates the leads that it has created."""

    leads: dict[str, Batch] = field(default_factory=dict)  # by tag, which stands in source
    activities: dict[str, Batch] = field(default_factory=dict)  # by tag, which stands in title
    last: dict[int, str] = field(default_factory=dict)  # what an own lead's property_interest was last known to be
    maybe: dict[int, list[str]] = field(default_factory=dict)  # values sent since, whose fate is open
    deleted: set[int] = field(default_factory=set)
    maybe_deleted: set[int] = field(default_factory=set)
    replies: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # replies nobody should ever get

    def own(self) -> list[int]:
        """Return the ids of its acknowledged leads."""
        gone = self.deleted | self.maybe_deleted
        return [number for number in self.last if number not in gone]

    def made(self, ids: list[int]) -> None:
        """Record leads that the writer has created."""
        self.last.update(dict.fromkeys(ids, ""))

    def written(self, lead: int, value: str) -> None:
        """Record an acknowledged update, after which earlier unacknowledged ones are no longer visible."""
        self.last[lead] = value
        self.maybe.pop(lead, None)


def totals(ledgers: list[Ledger]) -> dict[str, Any]:
    """Return the totals of all ledgers."""
    batches = [batch for book in ledgers for kind in (book.leads, book.activities) for batch in kind.values()]
    replies = sum((book.replies for book in ledgers), Counter())
    return {
        "writes": len(batches) + sum(replies[kind] for kind in ("update", "delete", "open change")),
        "acknowledged": sum(batch.fate == ACKNOWLEDGED for batch in batches) + replies["update"] + replies["delete"],
        "rows acknowledged": sum(batch.rows for batch in batches if batch.fate == ACKNOWLEDGED),
        "open": sum(batch.fate == OPEN for batch in batches) + replies["open change"],
        "503": replies["503"],
        "lost replies": replies["lost"],
        "wrong": [line for book in ledgers for line in book.wrong],
    }
