"""The shape of the table: a case is one or more commands on an empty database, and the leads that are there then."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILES = Path(__file__).parent / "files"

SKIP_ERRORS = ("--on-error", "skip")
NOTE = ("--unknown", "note")
SKIP_DUPLICATES = ("--on-duplicate", "skip")
UPDATE = ("--on-duplicate", "update")
FILL = ("--on-duplicate", "fill")

NOW = "now"  # a time of the test itself
MIDNIGHT = "2024-05-13T00:00:00"


@dataclass(frozen=True)
class ExpectedLead:
    """A stored lead: the fields that matter to the case, and its notes.

    ``fields`` has values, or functions that say whether a value is right; ``budget`` is both ends. ``note`` has the
    texts that the import's own note contains: none means that there is no such note, ``None`` that it does not matter.
    ``own_notes`` are the texts of the notes that a column of notes became. ``cell`` is a cell whose words must all be
    found again, in a field or in a note.
    """

    fields: Mapping[str, Any]
    note: Sequence[str] | None = ()
    own_notes: Sequence[str] = ()
    cell: str = ""


@dataclass(frozen=True)
class Step:
    """One command, and what its report says.

    ``report`` has keys of the JSON report with their values, ``problems`` the rejected lines with a part of the reason,
    ``repairs`` how often the repair that matters was made (``True``: at least one repair of any kind), ``says`` texts
    that stand in the report, ``skipped`` its skipped and updated rows (``lead`` is the first name of the lead that a
    row is a duplicate of). ``written`` has texts of the files that the command writes.

    In an option, ``{folder}`` is a folder for the files that the command writes, and a ``file`` that starts with it is
    one of them. ``ids_of`` puts the ids of leads, by their first names, in the place of ids that the file starts lines
    with; ``edit`` changes the file's text before it is imported.
    """

    file: str
    options: Sequence[str] = ()
    command: str = "import_leads"
    code: int = 0
    report: Mapping[str, Any] = field(default_factory=dict)
    problems: Mapping[int, str] = field(default_factory=dict)
    repairs: int | bool = False
    says: Sequence[str] = ()
    skipped: Sequence[Mapping[str, Any]] = ()
    written: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ids_of: Mapping[str, str] = field(default_factory=dict)
    edit: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Case:
    """``name`` is unique; ``settings`` override the product's; ``users`` are there beside the superuser ``boss``.

    ``activities`` are the titles of imported activities with the first name of their lead. ``on_page``: the import page
    does the same.
    """

    name: str
    steps: Sequence[Step]
    leads: Sequence[ExpectedLead]
    settings: Mapping[str, Any] = field(default_factory=dict)
    activities: Sequence[tuple[str, str]] | None = None
    boss: bool = True
    users: Sequence[str] = ()
    on_page: bool = True


def lead(
    first: Any,
    last: Any,
    *,
    note: Sequence[str] | None = (),
    own_notes: Sequence[str] = (),
    cell: str = "",
    **fields: Any,
) -> ExpectedLead:
    """Return a lead of that name; ``interest`` is short for its property interest."""
    names = {"property_interest" if name == "interest" else name: value for name, value in fields.items()}
    return ExpectedLead({"first_name": first, "last_name": last, **names}, note, own_notes, cell)


def case(
    file: str,
    *options: str,
    leads: Sequence[ExpectedLead],
    name: str = "",
    settings: Mapping[str, Any] | None = None,
    **step: Any,
) -> Case:
    """Return a case of one command; its name is the file's unless another one is given."""
    return Case(name or file, (Step(file, options, **step),), leads, settings or {})


def cells(file: str, column: str) -> list[str]:
    """Return the cells of one column of a file."""
    with (FILES / file).open(newline="", encoding="utf-8-sig") as rows:
        return [row[column] for row in csv.DictReader(rows)]


def blank(value: object) -> bool:
    """Return whether a field is empty."""
    return value in ("", None)


def starts(text: str) -> Callable[[object], bool]:
    """Return a check for a value that starts with ``text``."""
    return lambda value: str(value).startswith(text)


def one_of(*values: object) -> Callable[[object], bool]:
    """Return a check for one of several values that are all right."""
    return lambda value: value in values
