"""Which column of a file is which field of a lead.

Case, spaces and punctuation of headers do not count. A header that is neither known, nor mapped, nor ignored by request
stops the import: no column is dropped without a word. Columns that are known from other programs' exports but have no
place in a lead (addresses, birthdays, owners, tags, notes) are not imported, and ``not_stored`` names them.
"""

import difflib
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from typing import Any

from crm_project.validation import FieldError
from leads import consent_cells, validators
from leads.importing import sorting
from leads.importing.cells.convert import READERS, REQUIRED, ReadRow, row_reader
from leads.importing.columns.aliases import NOT_STORED_PATTERNS, headers_of, headers_of_no_field
from leads.importing.columns.column_schema import NEAR_MISSES, ColumnSchema, normal
from leads.importing.columns.languages import UNLESS_BESIDE
from leads.importing.columns.note_columns import find_note_columns
from leads.importing.columns.plan import NO_NOTES, CellOptions, ColumnPlan, NoteColumns
from leads.importing.sources.rows import LINE, PROBLEMS, Cells
from leads.importing.stats import Refused

# ``name`` is split into first and last name; ``price`` fills ``budget_max``, or both budgets if it is a range;
# ``owner`` names a user.
TARGETS = (*validators.CREATE_RULES, "created_at", "closed_at", "name", "price", "owner", "tags")
LEADS = ColumnSchema(
    noun="a lead",
    aliases={target: headers_of(target) for target in TARGETS},
    not_stored=headers_of_no_field(),
    not_stored_patterns=NOT_STORED_PATTERNS,
    unless_beside=UNLESS_BESIDE,
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


class MappingError(Refused):
    """The columns cannot be mapped as the operator asked. The message is for people."""


class UnknownHeaders(MappingError):
    """Unknown headers; ``headers`` has the most similar known ones of each."""

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
class Mapping(ColumnPlan):
    """The plan for a file's columns, with the function that reads them.

    ``read(cells)`` returns the fields of one row, and adds to ``warnings`` and ``report``.
    """

    read: ReadRow = field(init=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "read", row_reader(self))

    def convert(self, cells: Cells) -> tuple[dict[str, Any], list[FieldError]]:
        """Return the fields of one row, and the problems with its cells."""
        row, problems, _ = self.read(cells)
        return row, problems


def is_own_export(header: Collection[str]) -> bool:
    """Return whether a file was written by our own export, whose cells mean what they say."""
    return OWN_HEADER.issubset(header)


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
    """Return the plan for a file with this ``header``.

    ``explicit`` maps headers to targets and overrides known headers; ``constants`` are values for every row;
    ``unknown`` says what is done with columns without a field; ``guarded`` says that an apostrophe before ``= + - @``
    is a guard against formulas and is removed; ``vocabulary`` says what kind of rows the file has, ``day_first`` which
    of its dates have the day first, and ``cell_options`` how cells are read. Cells of our own exports are read without
    repairs. Raises ``UnknownHeaders``, and ``MappingError`` for a mapping that is impossible.
    """
    constants = dict(constants or {})
    asked = _asked_for(header, explicit or {}, constants, vocabulary.targets)
    dropped = {place for wish in ignore for place in _places_of(wish, header)}
    if both := dropped & asked.keys():
        raise MappingError(f"the column {header[min(both)]!r} is both mapped and ignored.")
    found: dict[str, list[tuple[int, int]]] = {}
    places: dict[str, list[int]] = {}
    other: dict[str, list[str]] = {"not_stored": [], "unknown": [], "overruled": []}
    known = vocabulary.known_all(header)
    for place, name in enumerate(header):
        if place in dropped or (not name and place not in asked):
            continue
        target, rank = (asked[place], -1) if place in asked else known[place]
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
    not_stored = places.get("not_stored", ()) if vocabulary.cleaned else ()
    deletions = sorting.deletion_tests(header, not_stored)  # our own exports say it, too
    consent = {place: said for place in not_stored if (said := sorting.refusal(header[place]))}
    grants = {place: consent_cells.COLUMNS[header[place]] for place in not_stored if _is_grant(header, place)}
    special = {*deletions, *consent, *grants}
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
        grant_columns=grants,
        note_columns=notes,
        not_stored=tuple(
            header[place]
            for place in places.get("not_stored", ())
            if place not in special and header[place] not in noted
        ),
        unknown=tuple(name for name in other["unknown"] if name not in noted),
        overruled=tuple(name for name in other["overruled"] if name not in noted),
    )


def _note_columns(
    header: Sequence[str],
    places: MappingOf[str, Sequence[int]],
    deletions: MappingOf[int, Callable[[object], bool]],
    consent: MappingOf[int, sorting.Refusal],
) -> NoteColumns:
    """Return the columns without a field. Granted consent is a remainder already; a deletion is the lead's state."""
    flags = {place for place in deletions if normal(header[place]) in sorting.DELETED_FLAGS}
    kinds = ("not_stored", "unknown", "overruled")
    left = [
        place
        for kind in kinds
        for place in places.get(kind, ())
        if place not in flags and not (kind == "not_stored" and _is_grant(header, place))
    ]
    refusals = {place: said.is_absent for place, said in consent.items()}
    return find_note_columns(header, left, {**deletions, **refusals})


def is_consent(header: Sequence[str], place: int) -> bool:
    """Return whether a column says what leads have agreed to or refused."""
    return sorting.refusal(header[place]) is not None or _is_grant(header, place)


def _is_grant(header: Sequence[str], place: int) -> bool:
    """Return whether a column of our own export contains granted consent. Columns of other files grant nothing."""
    return header[place] in consent_cells.COLUMNS and is_own_export(header)


def _with_suggestions(header: str, near: Sequence[str]) -> str:
    return f"{header!r}" + (f" (like {' or '.join(map(repr, near))}?)" if near else "")


def column_number(header: Sequence[str], place: int) -> str:
    """Return "#3" for the third column. What a rejects file has before the file's own columns does not count."""
    return f"#{_numbered_places(header).index(place) + 1}"


def _numbered_places(header: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(header) if name not in (LINE, PROBLEMS)]


def _places_of(wish: str, header: Sequence[str]) -> list[int]:
    """Return the indexes of the header that the user named: as written, as "#3" (the third), or normalized."""
    places = [place for place, name in enumerate(header) if name == wish.strip()]
    if not places and (number := _numbered(wish)) and number <= len(numbered := _numbered_places(header)):
        return [numbered[number - 1]]
    places = places or [place for place, name in enumerate(header) if name and normal(name) == normal(wish)]
    if not places:
        near = difflib.get_close_matches(wish, [name for name in header if name], NEAR_MISSES)
        raise MappingError(f"there is no column {_with_suggestions(wish, near)}.")
    return places


def _numbered(wish: str) -> int:
    """Return which column "#3" is, from 1; 0 for a name of another form."""
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
        raise MappingError(
            f"{vocabulary.nothing_telling}; there are {shown}. Say what they are, or where their names are "
            "(--map 'Header=field', --header-row 3, --no-header)."
        )
