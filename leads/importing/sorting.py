"""Rows that are not leads: totals, footers, titles of sections, repeated headers, test leads, deleted ones."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from leads.importing.cells import lead_ads, text
from leads.importing.columns.aliases import CONSENT_COLUMNS, CONSENT_STATES, CONSENT_TIMES
from leads.importing.columns.column_schema import normal
from leads.importing.columns.plan import ColumnPlan
from leads.importing.sources.rows import LINE, PROBLEMS, Cells, LeftOut, Record, is_blank

LEFT_OUT, DELETED, ERASED = "left out", "deleted", "erased"  # kinds of rows that are not imported
TOTAL, FOOTER, TITLE, HEADER, TEST_LEAD = "a total", "a footer", "a title", "the header again", "a test lead"
YES = frozenset(("true", "t", "yes", "y", "1", "x", "on", "✓", "✔", "ja", "sí", "si", "oui"))
NO = frozenset(("false", "f", "no", "n", "0", "off", "nein", "non"))
# What columns such as "Email Marketing Status" say of whoever opted out, in the normal form of headers.
OPTED_OUT = frozenset(
    ("unsubscribed", "unsubscribe", "optedout", "optout", "donotemail", "donottext", "donotcall", "donotcontact")
)

# Columns that say whether a row is deleted where the file is from, by the normal form of their headers.
DELETED_FLAGS = frozenset(("isdeleted", "deleted"))
DELETED_TIMES = frozenset(("deletedat", "deletedon", "deleteddate", "deletiondate", "datedeleted"))
ACTIVE_FLAGS = frozenset(("isactive",))
AD_COLUMNS = frozenset(("platform", "isorganic", "adid", "adname", "formid", "formname", "campaignid"))

FEWEST_DIGITS = 5  # of a telephone number beside a total
_total = re.compile(
    r"(?:(?:grand|sub|report|page|sum|running)[ -]?)?totals?"
    r"(?:\s*[:(=-].*|\s+(?:records?|rows?|leads?|contacts?|count|number|amount|value|budget|sum|of)\b.*|\s*\d[\d.,]*)?"
    r"|(?:sum|count|average|summe|gesamt(?:summe|betrag)?|zwischensumme|insgesamt|somme|sous-total|totale(?: generale)?"
    r"|total g[eé]n[eé]ral|total general|total geral|suma total|soma total)\s*:?",
    re.IGNORECASE,
)
_amount = re.compile(r"[\s$€£¥(+-]*\d[\d.,'\s]*(?:[kKmM%€£$¥]|[A-Z]{3})?\s*\)?")
_footer = re.compile(
    r"confidential (?:information|and proprietary|-)|copyright\b|©|\(c\)\s*\d{4}|all rights reserved"
    r"|(?:(?:report|list|file|document)\s+)?(?:generated|exported|printed|created|prepared|downloaded)\s+(?:by|on|at|from)\b"
    r"|page \d+ of \d+|powered by\b|as of (?:date\b|\d)|report (?:run|date)\b|end of (?:report|file|list)\b"
    r"|\d[\d,.]* (?:records?|rows?|leads?|contacts?)(?: \w+)?\s*$",
    re.IGNORECASE,
)


class Aside(NamedTuple):
    """A row that is neither imported nor an error: its kind, the reason, and who it is about."""

    line: int
    cells: Cells
    kind: str
    reason: str
    identity: dict[str, str]


def is_yes(cell: object) -> bool:
    """Return whether a cell of a yes/no column says yes."""
    return cell is True or _word(cell) in YES


def is_no(cell: object) -> bool:
    """Return whether a cell of a yes/no column says no."""
    return cell is False or _word(cell) in NO


def _word(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip().lower()


def _is_moment(cell: object) -> bool:
    return not is_blank(cell) and not is_no(cell) and not text.is_placeholder(str(cell)) and "0000-00" not in str(cell)


_TESTS: tuple[tuple[frozenset[str], Callable[[object], bool]], ...] = (
    (DELETED_FLAGS, is_yes),
    (DELETED_TIMES, _is_moment),
    (ACTIVE_FLAGS, is_no),
)


class Refusal(NamedTuple):
    """What a column says that somebody refuses (a call, an email, a text, all), and which of its cells say so."""

    about: str
    is_said: Callable[[object], bool]

    def is_absent(self, cell: object) -> bool:
        """Return whether a cell says something else."""
        return not self.is_said(cell)


def _is_opt_out(cell: object) -> bool:
    return normal(_word(cell)) in OPTED_OUT


_REFUSALS: tuple[tuple[Mapping[str, str], Callable[[object], bool]], ...] = (
    (CONSENT_COLUMNS, is_yes),
    (CONSENT_TIMES, _is_moment),
    (CONSENT_STATES, _is_opt_out),
)


def refusal(header: str) -> Refusal | None:
    """Return what a column says that somebody does not want; ``None`` for other columns."""
    name = normal(header)
    return next((Refusal(columns[name], is_said) for columns, is_said in _REFUSALS if name in columns), None)


def deletion_tests(header: Iterable[str], left: Iterable[int]) -> dict[int, Callable[[object], bool]]:
    """Return for each column that says whether a row is deleted, of those ``left`` over, what says so of its cells."""
    names, places = list(header), set(left)
    return {
        place: test
        for place, name in enumerate(names)
        for headers, test in _TESTS
        if place in places and normal(name) in headers
    }


def is_deleted(tests: Mapping[int, Callable[[object], bool]], cells: Cells) -> bool:
    """Return whether a row is deleted where the file is from."""
    return any(test(cells[place]) for place, test in tests.items())


def sorted_records(records: Iterable[Record], columns: ColumnPlan) -> Iterable[Record]:
    """Return the records, those that only look like leads as ``LeftOut``. Our own exports have none."""
    return _Sorter(columns).records(records) if columns.cleans else records


class _Sorter:
    """Classifies the records of one file in their order."""

    def __init__(self, columns: ColumnPlan) -> None:
        self.header = [normal(name) for name in columns.header]
        self.own = {place for place, name in enumerate(columns.header) if name in (LINE, PROBLEMS)}
        fields = columns.columns
        self.names = {place for name in ("first_name", "last_name", "name") for place in fields.get(name, ())}
        self.emails, self.phones = set(fields.get("email", ())), set(fields.get("phone", ()))
        self.has_ads = not AD_COLUMNS.isdisjoint(self.header)
        # A row with an address in this column needs no closer look.
        self.email = fields["email"][0] if self.emails and not self.has_ads else None
        self.width = sum(bool(name) for place, name in enumerate(self.header) if place not in self.own)

    def records(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records. A lone name after a blank line waits until it is known whether a footer follows."""
        email, waiting = self.email, list[Record]()
        previous, after_gap, beside_footer = 0, False, False
        for record in records:
            line, cells = record
            if email is not None:
                try:
                    cell = cells[email]
                except IndexError:
                    cell = None
                if cell.__class__ is str and "@" in cell:
                    if waiting:
                        yield from waiting
                        waiting = []
                    previous, after_gap = line, False
                    yield record
                    continue
            if line > previous + 1 and previous:
                yield from waiting
                waiting, after_gap, beside_footer = [], True, False
            previous = line
            reason, is_lone_name = self._look(cells)
            if reason == FOOTER:
                yield from (_left_out(lone, FOOTER) for lone in waiting)
                waiting, beside_footer = [], True
            elif is_lone_name and after_gap:
                if beside_footer:
                    reason = FOOTER
                else:
                    waiting.append(record)
                    continue
            else:
                yield from waiting
                waiting, after_gap = [], after_gap and bool(reason)
            yield _left_out(record, reason) if reason else record
        yield from waiting

    def _look(self, cells: Cells) -> tuple[str, bool]:
        """Return why a row is no lead, or "", and whether it has a name only."""
        filled = [
            (place, shown)
            for place, cell in enumerate(cells)
            if place not in self.own and not is_blank(cell) and not text.is_placeholder(shown := str(cell).strip())
        ]
        if not filled:
            return "", False
        if self.has_ads and lead_ads.is_test_lead(cells):
            return TEST_LEAD, False
        if len(filled) >= min(2, self.width) and all(self._is_header(place, shown) for place, shown in filled):
            return HEADER, False
        (first, label), others = filled[0], filled[1:]
        if _total.fullmatch(label) and self._are_amounts(others):
            return TOTAL, False
        if any(self._is_contact(place, shown) for place, shown in filled):
            return "", False
        if _footer.match(label):
            return FOOTER, False
        if others:
            return "", False
        if first in self.phones and any(character.isdigit() for character in label):
            return "", False
        return ("", True) if first in self.names else (TITLE, False)

    def _is_header(self, place: int, shown: str) -> bool:
        return place < len(self.header) and self.header[place] != "" and normal(shown) == self.header[place]

    def _is_contact(self, place: int, shown: str) -> bool:
        digits = sum(character.isdigit() for character in shown)
        return (place in self.emails and "@" in shown) or (place in self.phones and digits >= FEWEST_DIGITS)

    def _are_amounts(self, others: list[tuple[int, str]]) -> bool:
        """Return whether the other cells of a total are amounts, not a phone number."""
        return all(_amount.fullmatch(shown) and not self._is_contact(place, shown) for place, shown in others)


def _left_out(record: Record, reason: str) -> Record:
    line, cells = record
    return line, LeftOut(cells, reason)
