"""Statuses of other systems to those of the pipeline."""

import re
from collections import Counter
from collections.abc import Mapping

from crm_project.validation import normalize
from leads.validators import DEFAULT_STATUS, MAX_STATUS, PIPELINE

MOST_REMEMBERED = 4096

# fmt: off
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "new": ("Lead", "New Lead", "Hot", "Hot Lead", "Uncontacted", "Open", "Open - Not Contacted"),
    "contacted": (
        "Attempted Contact", "Working", "Working - Contacted", "Connected", "Nurture", "Warm", "Cold", "In progress",
    ),
    "qualified": ("Active Client", "Appointment Set", "Showing"),
    "negotiation": ("Under Contract", "Pending", "Offer", "Open deal"),
    "closed": ("Closed - Won", "Closed Won", "Closed - Converted", "Sold", "Past Client", "Won"),
    "lost": (
        "Closed - Lost", "Closed - Not Converted", "Dead", "Trash", "Archived", "Disqualified", "Unqualified",
        "Bad timing",
    ),
}
# fmt: on
_apart = re.compile(r"[\W_]+")


def comparable(status: str) -> str:
    """Return a status without case and punctuation, as it is compared."""
    return _apart.sub(" ", normalize(status)).strip()


KNOWN = {comparable(spelling): status for status, spellings in _SPELLINGS.items() for spelling in spellings}
KNOWN |= {status: status for status in PIPELINE}


class StatusMap:
    """The statuses of a file, their replacements, and how often each occurred."""

    def __init__(self, given: Mapping[str, str], as_is: bool) -> None:
        """``given`` are the operator's replacements; ``as_is`` replaces nothing else."""
        self.known = ({} if as_is else KNOWN) | {comparable(value): status for value, status in given.items()}
        self.remembered: dict[str, str | None] = {}
        self.counts: Counter[str] = Counter()

    def map(self, value: str) -> str | None:
        """Return the status to store; ``None`` for a value that is too long to be one. ``counts`` are the caller's."""
        if value in self.remembered:
            return self.remembered[value]
        if len(self.remembered) >= MOST_REMEMBERED:
            self.remembered.clear()
        found = self.remembered[value] = self._map(value)
        return found

    def _map(self, value: str) -> str | None:
        status = self.known.get(comparable(value)) or value.strip().lower()
        return status if len(status) <= MAX_STATUS else None

    def taken(self) -> Counter[tuple[str, str]]:
        """Return how often each value became which status, and count anew."""
        taken: Counter[tuple[str, str]] = Counter()
        for value, count in self.counts.items():
            taken[value.strip(), self.map(value) or DEFAULT_STATUS] += count
        self.counts.clear()
        return taken
