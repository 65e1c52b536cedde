"""Which column of a file is which field of a lead.

Case, spaces and punctuation of headers do not count. A header that is neither known, nor mapped, nor ignored by request
stops the import: no column is dropped without a word. Columns that are known from other programs' exports but have no
place in a lead (addresses, birthdays, owners, tags, notes) are not imported, and ``not_stored`` names them.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from leads import validators
from leads.importing import sorting
from leads.importing.cells import lead_ads
from leads.importing.cells.convert import READERS, REQUIRED, CellOptions, Convert, row_converter
from leads.importing.cells.report import CellReport
from leads.importing.cells.status import StatusMap
from leads.importing.columns.aliases import ALIASES, CONSENT_COLUMNS, NOT_STORED, NOT_STORED_PATTERNS
from leads.importing.columns.column_schema import NEAR_MISSES, ColumnSchema, normal
from leads.importing.columns.note_columns import NO_NOTES, NoteColumns, find_note_columns
from leads.importing.sources.rows import LINE, PROBLEMS
from leads.importing.stats import Refused
from leads.importing.warnings import Warnings

# ``name`` is split into first and last name; ``price`` fills ``budget_max``, or both budgets if it is a range.
TARGETS = (*validators.CREATE_RULES, "created_at", "closed_at", "name", "price")
LEADS = ColumnSchema(
    noun="a lead",
    aliases={target: ALIASES.get(target, ()) for target in TARGETS},
    not_stored=NOT_STORED,
    not_stored_patterns=NOT_STORED_PATTERNS,
    required=REQUIRED,
    readers=READERS,
    dates=frozenset(("created_at", "closed_at")),
    cleaned=True,
    telling=frozenset(("first_name", "last_name", "name", "email", "phone")),
    nothing_telling="no column is a name, an e-mail address or a telephone number",
)
MAX_LISTED = 20
# What the header of every export of ours has, and every lead of the API, as it is written: since the first release, and
# so without the fields that were added since.
OWN_HEADER = frozenset(
    (
        *("id", "first_name", "last_name", "email", "phone", "status", "source", "budget_min", "budget_max"),
        *("property_interest", "created_at", "updated_at", "activity_count"),
    )
)
REFUSE, IGNORE, NOTE = "refuse", "ignore", "note"  # what becomes of unknown columns
UNKNOWN = (REFUSE, IGNORE, NOTE)

_numbered_phone = re.compile(r"(phone\d+)value")


class MappingError(Refused):
    """The columns cannot be mapped as asked; a sentence for people."""


class UnknownHeaders(MappingError):
    """Headers nobody knows: ``headers`` has each with the known headers nearest to it."""

    def __init__(self, headers: MappingOf[str, Sequence[str]]) -> None:
        self.headers = dict(headers)
        shown = [_with_suggestions(header, near) for header, near in list(headers.items())[:MAX_LISTED]]
        more = f", and {len(headers) - MAX_LISTED} more" if len(headers) > MAX_LISTED else ""
        one = len(headers) == 1
        super().__init__(
            f"unknown {'column' if one else 'columns'} {', '.join(shown)}{more}. Say which field "
            f"{'it is' if one else 'they are'}, or that {'it is' if one else 'they are'} to be ignored "
            "(--map 'Header=field', --ignore-columns, --unknown note, --unknown ignore)."
        )


@dataclass(frozen=True)
class Mapping:
    """The plan for a file's columns; a column is named by its place, from 0.

    ``columns`` has for each target the columns that fill it, in order of preference: the first cell that is not blank
    wins. ``note_columns`` are those without a field that become notes. Of the others, ``not_stored`` are known headers,
    ``ignored`` those ignored by request, ``unknown`` the unknown ones, ``overruled`` those whose field is set for every
    row, ``unnamed`` the columns without a header (a value in one is a problem of its row). ``day_first`` are the fields
    whose dates with slashes have the day first, ``deletions`` say whether a row is deleted in the source,
    ``consent_columns`` are those that say what somebody does not want. ``last_name_first`` says how names with a comma
    are written. ``convert(cells)`` makes the fields of one row, and counts in ``warnings`` and ``report`` what there is
    to say of it; ``used`` are then the columns that the row's fields are from, where that is not the first.
    """

    header: tuple[str, ...]
    columns: dict[str, tuple[int, ...]]
    constants: dict[str, str] = field(default_factory=dict)
    not_stored: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    overruled: tuple[str, ...] = ()
    unnamed: tuple[int, ...] = ()
    guarded: bool = True
    vocabulary: ColumnSchema = LEADS
    day_first: frozenset[str] = frozenset()
    last_name_first: bool = False
    cell_options: CellOptions = field(default_factory=CellOptions)
    deletions: MappingOf[int, Callable[[object], bool]] = field(default_factory=dict)
    consent_columns: MappingOf[int, str] = field(default_factory=dict)
    note_columns: NoteColumns = NO_NOTES
    warnings: Warnings = field(default_factory=Counter, compare=False)
    report: CellReport = field(default_factory=CellReport, compare=False)
    used: dict[str, int] = field(default_factory=dict, compare=False)
    statuses: StatusMap = field(init=False, compare=False)
    convert: Convert = field(init=False, compare=False)

    def __post_init__(self) -> None:
        options = self.cell_options
        object.__setattr__(self, "statuses", StatusMap(options.statuses, options.statuses_as_is or options.exact))
        object.__setattr__(self, "convert", row_converter(self))

    @property
    def cleans(self) -> bool:
        """Whether cells are repaired."""
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
        """The columns of telephone numbers that have a column for their kind, with that column."""
        kinds = {normal(name): place for place, name in enumerate(self.header) if name}
        found = {}
        for place in self.columns.get("phone", ()):
            if match := _numbered_phone.fullmatch(normal(self.header[place])):
                kind = kinds.get(f"{match.group(1)}label", kinds.get(f"{match.group(1)}type"))
                if kind is not None:
                    found[place] = kind
        return found

    def is_platform(self, place: int) -> bool:
        """Whether a column is the platform of lead ads."""
        return normal(self.header[place]) == lead_ads.PLATFORM

    def source_of(self, target: str) -> str:
        """Return the header of the column that a field of the last row is from."""
        return self.header[self.used[target]] if target in self.used else self.column_of(target)

    def dates(self) -> dict[str, tuple[int, ...]]:
        """The fields that are dates, with their columns."""
        return {target: places for target, places in self.columns.items() if target in self.vocabulary.dates}

    def column_of(self, target: str) -> str:
        """The header a field's value came from, for reports; the field itself if it came from none."""
        for name in (target, *_FILLED_BY.get(target, ())):
            if places := self.columns.get(name):
                return self.header[places[0]]
        return target

    def describe(self) -> list[str]:
        """The plan in sentences, a line a field and a line for each kind of column that is not imported."""
        lines = [
            f"{target}: {', else '.join(repr(self.header[place]) for place in places)}"
            for target, places in self.columns.items()
        ]
        lines += [f"{target}: always {value!r}" for target, value in self.constants.items()]
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


def is_own_export(header: Collection[str]) -> bool:
    """Return whether a file was written by our own export, whose cells mean what they say."""
    return OWN_HEADER.issubset(header)


_FILLED_BY = {"first_name": ("name",), "last_name": ("name",), "budget_max": ("price",), "budget_min": ("price",)}


def map_headers(
    header: Sequence[str],
    *,
    explicit: MappingOf[str, str] | None = None,
    constants: MappingOf[str, str] | None = None,
    ignore: Collection[str] = (),
    unknown: str = REFUSE,
    guarded: bool = True,
    vocabulary: ColumnSchema = LEADS,
    day_first: frozenset[str] = frozenset(),
    cell_options: CellOptions = CellOptions(),  # noqa: B008  frozen
) -> Mapping:
    """The plan for a file with this ``header``.

    ``explicit`` maps headers to targets and comes before what is known of the same target; ``constants`` are values for
    every row; ``unknown`` says what becomes of columns that no field has; ``guarded`` says that an apostrophe before
    ``= + - @`` is a guard against formulas and comes off; ``vocabulary`` says what kind of rows the file has,
    ``day_first`` which of its dates have the day first, and ``cell_options`` how cells are read; those of our own
    exports are exact. Raises ``UnknownHeaders``, and ``MappingError`` for a wish that cannot be fulfilled.
    """
    constants = dict(constants or {})
    asked = _asked_for(header, explicit or {}, constants, vocabulary.targets)
    dropped = {place for wish in ignore for place in _places_of(wish, header)}
    if both := dropped & asked.keys():
        raise MappingError(f"the column {header[min(both)]!r} is both mapped and ignored.")
    found: dict[str, list[tuple[int, int]]] = {}
    places: dict[str, list[int]] = {}
    other: dict[str, list[str]] = {"not_stored": [], "unknown": [], "overruled": []}
    for place, name in enumerate(header):
        if place in dropped or (not name and place not in asked):
            continue
        target, rank = (asked[place], -1) if place in asked else vocabulary.known(name)
        if target in constants:
            other["overruled"].append(name)
            places.setdefault("overruled", []).append(place)
        elif target in vocabulary.aliases:
            found.setdefault(target, []).append((rank, place))
        else:
            other[target].append(name)
            places.setdefault(target, []).append(place)
    if other["unknown"] and unknown == REFUSE:
        listed = other["unknown"][:MAX_LISTED]  # looking for near misses takes a millisecond each
        near: dict[str, Sequence[str]] = {name: vocabulary.near_misses(name) for name in listed}
        raise UnknownHeaders({name: near.get(name, ()) for name in other["unknown"]})
    targets = [target for target in vocabulary.targets if target in found]
    columns = {target: tuple(place for _, place in sorted(found[target])) for target in targets}
    _check_enough(header, {*columns, *constants}, vocabulary)
    exact = cell_options.exact or is_own_export(header)
    left = places.get("not_stored", ()) if vocabulary.cleaned and not exact else ()
    deletions = sorting.deletion_tests(header, left)
    consent = {place: about for place in left if (about := CONSENT_COLUMNS.get(normal(header[place])))}
    notes = _note_columns(header, places, deletions, consent) if unknown == NOTE else NO_NOTES
    noted = set(notes.names(header))
    return Mapping(
        header=tuple(header),
        columns=columns,
        constants=constants,
        ignored=tuple(header[place] for place in sorted(dropped)),
        unnamed=tuple(place for place, name in enumerate(header) if not name and place not in (dropped | asked.keys())),
        guarded=guarded,
        vocabulary=vocabulary,
        day_first=day_first,
        cell_options=replace(cell_options, exact=exact),
        deletions=deletions,
        consent_columns=consent,
        note_columns=notes,
        not_stored=tuple(
            header[place]
            for place in places.get("not_stored", ())
            if place not in deletions and header[place] not in noted
        ),
        unknown=tuple(name for name in other["unknown"] if name not in noted),
        overruled=tuple(name for name in other["overruled"] if name not in noted),
    )


def _note_columns(
    header: Sequence[str],
    places: MappingOf[str, Sequence[int]],
    deletions: MappingOf[int, Callable[[object], bool]],
    consent: Collection[int],
) -> NoteColumns:
    """What has no field. A consent that says yes is a remainder already, a deletion is what the lead is."""
    flags = {place for place in deletions if normal(header[place]) in sorting.DELETED_FLAGS}
    kinds = ("not_stored", "unknown", "overruled")
    left = [place for kind in kinds for place in places.get(kind, ()) if place not in flags]
    refusals = dict.fromkeys(consent, sorting.is_not_yes)
    return find_note_columns(header, left, {**deletions, **refusals})


def _with_suggestions(header: str, near: Sequence[str]) -> str:
    return f"{header!r}" + (f" (like {' or '.join(map(repr, near))}?)" if near else "")


def column_number(header: Sequence[str], place: int) -> str:
    """Return "#3" for the third column. What a rejects file has before the file's own columns does not count."""
    return f"#{_numbered_places(header).index(place) + 1}"


def _numbered_places(header: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(header) if name not in (LINE, PROBLEMS)]


def _places_of(wish: str, header: Sequence[str]) -> list[int]:
    """Where the header stands that a wish names: as it is written, as "#3" (the third), else in its normal form."""
    places = [place for place, name in enumerate(header) if name == wish.strip()]
    if not places and (number := _numbered(wish)) and number <= len(numbered := _numbered_places(header)):
        return [numbered[number - 1]]
    places = places or [place for place, name in enumerate(header) if name and normal(name) == normal(wish)]
    if not places:
        near = difflib.get_close_matches(wish, [name for name in header if name], NEAR_MISSES)
        raise MappingError(f"there is no column {_with_suggestions(wish, near)}.")
    return places


def _numbered(wish: str) -> int:
    """Which column "#3" is, from 1; 0 for a wish of another form."""
    digits = wish.strip().removeprefix("#")
    return int(digits) if wish.strip().startswith("#") and digits.isdecimal() and len(digits) < 6 else 0


def _asked_for(
    header: Sequence[str], explicit: MappingOf[str, str], constants: MappingOf[str, str], targets: Collection[str]
) -> dict[int, str]:
    for target in (*explicit.values(), *constants):
        if target not in targets:
            raise MappingError(f"there is no field {target!r}; the fields are {', '.join(targets)}.")
    asked: dict[int, str] = {}
    wishes: dict[str, str] = {}
    for wish, target in explicit.items():
        if target in wishes:
            raise MappingError(f"both {wishes[target]!r} and {wish!r} are mapped to {target}.")
        if target in constants:
            raise MappingError(f"{target} is both mapped from {wish!r} and set for every row.")
        wishes[target] = wish
        asked[_places_of(wish, header)[0]] = target
    return asked


def _check_enough(header: Sequence[str], filled: Collection[str], vocabulary: ColumnSchema) -> None:
    if vocabulary.telling.isdisjoint(filled):
        shown = ", ".join(map(repr, header[:MAX_LISTED]))
        raise MappingError(f"{vocabulary.nothing_telling}; there are {shown}.")
