"""What an import repaired in the cells of a file, counted by kind with examples, and what is left over of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from leads.importing.stats import MAX_LISTED, MAX_VALUE, showable

MAX_EXAMPLES = 10  # of each kind
MAX_STATUSES = 500  # different ones that are listed

# Each kind of repair: of one cell, and of several.
KINDS = {
    "invisible_characters": ("cell freed from invisible characters", "cells freed from invisible characters"),
    "html_entities": ("cell with HTML entities decoded", "cells with HTML entities decoded"),
    "doubtful_text": ("text looks wrongly decoded, stored as it is", "texts look wrongly decoded, stored as they are"),
    "placeholders": ("placeholder taken for a blank cell", "placeholders taken for blank cells"),
    "email_cleaned": ("email address cleaned", "email addresses cleaned"),
    "email_of_nobody": ("invented email address left out", "invented email addresses left out"),
    "more_emails": ("further email address in a cell", "further email addresses in a cell"),
    "phone_cleaned": ("phone number cleaned", "phone numbers cleaned"),
    "more_phones": ("further phone number in a cell", "further phone numbers in a cell"),
    "not_a_phone": ("text in a phone column that is no number", "texts in a phone column that are no number"),
    "budget_without_limit": ("budget that sets no limit", "budgets that set no limit"),
    "budget_in_thousands": ("budget taken in thousands", "budgets taken in thousands"),
    "budget_swapped": ("budget with its ends swapped", "budgets with their ends swapped"),
    "budget_without_cents": ("budget rounded down to whole units", "budgets rounded down to whole units"),
    "budget_not_read": ("budget not understood", "budgets not understood"),
    "date_not_read": ("date not understood", "dates not understood"),
    "text_in_name": ("text cut from a name", "texts cut from names"),
    "second_person": ("second person in a name", "second persons in a name"),
    "not_a_name": (
        "email address or phone number in a name column",
        "email addresses or phone numbers in a name column",
    ),
    "status_too_long": ("status too long, the default stored", "statuses too long, the default stored"),
    "closing_date_of_open_lead": ("closing date of a lead that is not closed", "closing dates of leads not closed"),
    "owner_not_found": ("owner that is no active user", "owners that are no active users"),
    "tags_not_read": ("cell of tags that are too many or too long", "cells of tags that are too many or too long"),
    "consent": ("wish not to be contacted", "wishes not to be contacted"),
    "consent_not_read": ("consent not understood", "consents not understood"),
    "further_value": ("further value for the same field", "further values for the same field"),
}


class Cleaned(NamedTuple):
    """A cell as a lead can store it: its value, the kind of repair, and the remainders by kind."""

    value: str
    repair: str = ""
    left: tuple[tuple[str, str], ...] = ()


class CellReport:
    """Repairs, statuses and remainders of the cells of a file.

    ``line`` is the line of the row that is being converted; ``remainders`` are this row's, as pairs of column and text.
    The code that converts a row removes them with ``take_remainders``.
    """

    def __init__(self) -> None:
        self.line = 0
        self.remainders: list[tuple[str, str]] = []
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[list[Any]]] = {}
        self.statuses: Counter[tuple[str, str]] = Counter()
        self.left_over: list[list[Any]] = []

    def repaired(self, kind: str, column: str, before: object, after: object) -> None:
        """Count one repair."""
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append([self.line, showable(column), _shown(before), _shown(after)])

    def left(self, kind: str, column: str, text: object) -> None:
        """Count something that fills no field, and add it to what is left over of the row."""
        self.repaired(kind, column, text, "")
        self.remainders.append((column, str(text)))
        if len(self.left_over) < MAX_LISTED:
            self.left_over.append([self.line, showable(column), _shown(text)])

    def take_remainders(self) -> list[tuple[str, str]]:
        """Return what is left over of the row, and begin the next one."""
        remainders, self.remainders = self.remainders, []
        return remainders

    def taken(self) -> list[Any]:
        """Return what was counted so far in lists and numbers, for ``add``, and begin anew; empty if nothing was."""
        if not self.counts and not self.statuses:
            return []
        statuses = [[*status, count] for status, count in self.statuses.items()]
        whole = [dict(self.counts), self.examples, statuses, self.left_over]
        self.counts, self.examples, self.statuses, self.left_over = Counter(), {}, Counter(), []
        return whole

    def add(self, taken: Sequence[Any]) -> None:
        """Add what another report has ``taken``."""
        if not taken:
            return
        counts, examples, statuses, left_over = taken
        self.counts.update(counts)
        for kind, more in examples.items():
            own = self.examples.setdefault(kind, [])
            own += more[: MAX_EXAMPLES - len(own)]
        self.statuses.update({(value, became): count for value, became, count in statuses})
        self.left_over += left_over[: MAX_LISTED - len(self.left_over)]

    def as_columns(self) -> dict[str, Any]:
        """Return the report as the columns of a run."""
        names = ("line", "column", "before", "after")
        return {
            "repairs": [
                {"kind": kind, "count": self.counts[kind], **dict(zip(names, example, strict=True))}
                for kind in KINDS
                for example in self.examples.get(kind, ())
            ],
            "statuses": [
                {"value": _shown(value), "became": _shown(became), "count": count}
                for (value, became), count in self.statuses.most_common(MAX_STATUSES)
            ],
            "remainders": [{"line": line, "column": column, "value": text} for line, column, text in self.left_over],
        }


def sentences(repairs: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence for each kind of repair of a run, with the first example."""
    first: dict[str, dict[str, Any]] = {}
    for repair in repairs:
        first.setdefault(repair["kind"], repair)
    return [_sentence(repair) for repair in first.values()]


def status_sentences(statuses: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence for each status of a file: what it became, and how often."""
    return [f"Status {row['value']!r}: {row['became']!r} in {_rows(row['count'])}" for row in statuses]


def _sentence(repair: dict[str, Any]) -> str:
    one, several = KINDS.get(repair["kind"], (repair["kind"], repair["kind"]))
    count, before, after = repair["count"], repair["before"], repair["after"]
    change = f"{before!r} → {after!r}" if after not in ("", before) else f"{before!r}"
    return f"{count:,} {one if count == 1 else several}, first: line {repair['line']}, {repair['column']}: {change}"


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _shown(value: object) -> str:
    return showable(str(value)[:MAX_VALUE])
