"""The plan for a file's columns, which ``columns.mapping`` makes and all that reads cells follows."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cached_property, partial
from typing import Any, NamedTuple

from leads.erased_contacts import ErasedContacts
from leads.importing.cells import lead_ads
from leads.importing.cells.report import CellReport
from leads.importing.cells.status import StatusMap
from leads.importing.columns.column_schema import ColumnSchema, normal
from leads.importing.warnings import Warnings

NAMES = frozenset(("first_name", "last_name", "name"))

_FILLED_BY = {"first_name": ("name",), "last_name": ("name",), "budget_max": ("price",), "budget_min": ("price",)}
Sign = Callable[[object], bool]  # whether a cell of yes and no says yes

_numbered_phone = re.compile(r"(phone\d+)value")


@dataclass(frozen=True)
class CellOptions:
    """How cells are read: the zone of times without one, what statuses become, and whether cells are ``exact``.

    Exact cells are those of our own exports: nothing in them is repaired. ``with_deleted``: rows that are deleted in
    the source become deleted leads. ``owners`` are the ids of users by all their names. Rows of the ``erased``
    are skipped.
    """

    zone: tzinfo = UTC
    statuses: Mapping[str, str] = field(default_factory=dict)
    statuses_as_is: bool = False
    exact: bool = False
    with_deleted: bool = False
    owners: Mapping[str, int] = field(default_factory=dict)
    erased: ErasedContacts = field(default_factory=ErasedContacts)


class NoteColumns(NamedTuple):
    """``lines`` are the columns whose cells become lines of a note; ``notes`` those with notes, and their date column.

    ``signs`` are columns of yes and no, which become lines only for yes.
    """

    lines: tuple[int, ...] = ()
    notes: tuple[tuple[int, int | None], ...] = ()
    signs: Mapping[int, Sign] = {}

    def names(self, header: Sequence[str]) -> list[str]:
        """Return the headers, in the order of the file."""
        places = {*self.lines, *(place for pair in self.notes for place in pair if place is not None)}
        return [header[place] for place in sorted(places)]


NO_NOTES = NoteColumns()


@dataclass(frozen=True)
class ColumnPlan:
    """The plan for a file's columns; a column is named by its place, from 0.

    ``columns`` has for each target the columns that fill it, in order of preference: the first cell that is not blank
    wins. ``note_columns`` are those without a field that become notes. Of the others, ``not_stored`` are known headers,
    ``ignored`` those ignored by request, ``unknown`` the unknown ones, ``overruled`` those whose field is set for every
    row, ``unnamed`` the columns without a header (a value in one is a problem of its row). ``day_first`` are the fields
    whose dates with slashes have the day first, ``deletions`` say whether a row is deleted in the source,
    ``consent_columns`` are those that say what somebody does not want, with the test of their cells, ``grant_columns``
    those of our own exports that have granted consent. ``last_name_first`` says how names with a comma are written.
    ``warnings``, ``report`` and ``used`` are filled while rows are read; ``used`` has the columns that the last row's
    fields are from, where that is not the first.
    """

    header: tuple[str, ...]
    columns: dict[str, tuple[int, ...]]
    vocabulary: ColumnSchema
    constants: dict[str, str] = field(default_factory=dict)
    not_stored: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()
    unnamed: tuple[int, ...] = ()
    guarded: bool = True
    day_first: frozenset[str] = frozenset()
    last_name_first: bool = False
    cell_options: CellOptions = field(default_factory=CellOptions)
    deletions: Mapping[int, Callable[[object], bool]] = field(default_factory=dict)
    consent_columns: Mapping[int, tuple[str, Callable[[object], bool]]] = field(default_factory=dict)
    grant_columns: Mapping[int, str] = field(default_factory=dict)
    note_columns: NoteColumns = NO_NOTES
    warnings: Warnings = field(default_factory=Counter, compare=False)
    report: CellReport = field(default_factory=CellReport, compare=False)
    used: dict[str, int] = field(default_factory=dict, compare=False)
    statuses: StatusMap = field(init=False, compare=False)

    def __post_init__(self) -> None:
        options = self.cell_options
        object.__setattr__(self, "statuses", StatusMap(options.statuses, options.statuses_as_is or options.exact))

    @property
    def cleans(self) -> bool:
        """Return whether cells are repaired."""
        return self.vocabulary.cleaned and not self.cell_options.exact

    def reader(self, target: str) -> Callable[[Any], Any]:
        """Return what makes a value of a cell for this target, which has a reader."""
        read = self.vocabulary.readers[target]
        if target not in self.vocabulary.dates:
            return read
        return partial(read, day_first=target in self.day_first, zone=self.cell_options.zone)

    def taken_warnings(self) -> Warnings:
        """Return the warnings since this was last asked."""
        warnings = Counter(self.warnings)
        self.warnings.clear()
        return warnings

    def taken_report(self) -> list[Any]:
        """Return the report of the cells since this was last asked, for ``CellReport.add``."""
        self.report.statuses.update(self.statuses.taken())
        return self.report.taken()

    @cached_property
    def fax_labels(self) -> dict[int, int]:
        """Return the phone columns that have a column for their kind, with that column."""
        kinds = {normal(name): place for place, name in enumerate(self.header) if name}
        found = {}
        for place in self.columns.get("phone", ()):
            if match := _numbered_phone.fullmatch(normal(self.header[place])):
                kind = kinds.get(f"{match.group(1)}label", kinds.get(f"{match.group(1)}type"))
                if kind is not None:
                    found[place] = kind
        return found

    def is_platform(self, place: int) -> bool:
        """Return whether a column contains the platform of lead ads."""
        return normal(self.header[place]) == lead_ads.PLATFORM

    def source_of(self, target: str) -> str:
        """Return the header of the column that a field of the last row is from."""
        return self.header[self.used[target]] if target in self.used else self.column_of(target)

    def dates(self) -> dict[str, tuple[int, ...]]:
        """Return the date fields with their columns."""
        return {target: places for target, places in self.columns.items() if target in self.vocabulary.dates}

    def column_of(self, target: str) -> str:
        """Return the header of the column that a field's value came from, for reports; the field's name without one."""
        for name in (target, *_FILLED_BY.get(target, ())):
            if places := self.columns.get(name):
                return self.header[places[0]]
        return target

    def describe(self) -> list[str]:
        """Return the plan in words: a line for each field, and for each kind of column that is not imported."""
        lines = [
            f"{target}: {', else '.join(repr(self.header[place]) for place in places)}"
            for target, places in self.columns.items()
        ]
        lines += [f"{target}: always {value!r}" for target, value in self.constants.items()]
        if self.vocabulary.cleaned and NAMES.isdisjoint((*self.columns, *self.constants)):
            lines.append("No column is a name, so the leads have none (--map 'Header=name').")
        for what, headers in (
            (f"Not imported, {self.vocabulary.noun} has no such field", self.not_stored),
            ("Ignored as asked", self.ignored),
            ("Unknown and ignored as asked", self.unknown),
            ("Not imported, the field is set for every row", self.overruled),
            ("In the notes of the leads", self.note_columns.names(self.header)),
        ):
            if headers:
                lines.append(f"{what}: {', '.join(headers)}")
        return lines
