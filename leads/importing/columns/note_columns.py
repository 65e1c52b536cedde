"""The columns that no field has, whose cells become notes of the leads."""

import json
import re
from collections.abc import Collection, Mapping, Sequence

from crm_project.validation import FieldError, InvalidValue
from leads import formula_escape
from leads.importing.cells import dates, lead_ads, text
from leads.importing.columns.column_schema import normal
from leads.importing.columns.plan import ColumnPlan, NoteColumns, Sign
from leads.importing.sources.rows import LINE, PROBLEMS, Cells, is_blank

# Our own columns, as our exports and rejects files write them.
OWN = frozenset(
    (
        "id",
        "is_active",
        "updated_at",
        "activity_count",
        "version",
        "activities",
        "follow_ups",
        "installation",
        LINE,
        PROBLEMS,
    )
)
_words = re.compile(r"[A-Z]*[a-z\d]+|[A-Z]+")
IDS = frozenset(("id", "ids", "guid", "uuid", "euid", "leid"))
MEANINGFUL = frozenset(("mls", "listing", "property", "skype", "wechat", "line", "government", "tax"))  # before "ID"

_notes = re.compile(
    r"(?:person|contact|lead|client|agent|deal|internal|general|private|additional|other|last|latest|customer)?"
    r"(?:notes?|background|backgroundinfo|backgroundinformation|notizen?|bemerkung(?:en)?|anmerkung(?:en)?|notas?"
    r"|observaciones|remarques|observações|osservazioni)\d*"
)
_dates_of_notes = re.compile(
    r"(?:last|latest)?notes?(?:date|time|created|createdat|createdon|added|addedat)|datelastnote"
)

MAX_LEFT = 1_000_000  # characters of one row that become notes
TOO_LONG = f"What fills no field has more than {MAX_LEFT:,} characters"

Note = tuple[str, str | None, str]  # title, day (of the lead if there is none), text
Pair = tuple[str, str]  # column and text


def find_note_columns(header: Sequence[str], left: Collection[int], signs: Mapping[int, Sign]) -> NoteColumns:
    """Return what becomes of the columns that are ``left``, without ids and columns of our own exports."""
    places = [place for place in sorted(left) if header[place] not in OWN and not _is_id(header[place])]
    names = {place: normal(header[place]) for place in places}
    notes = [place for place in places if _notes.fullmatch(names[place])]
    dated = next((place for place in places if _dates_of_notes.fullmatch(names[place])), None) if notes else None
    pairs = tuple((place, None if names[place].startswith("background") else dated) for place in notes)
    used = {place for pair in pairs for place in pair}
    return NoteColumns(tuple(place for place in places if place not in used), pairs, signs)


def _is_id(name: str) -> bool:
    """Return whether a column contains ids of another program, which are useless here."""
    words = [word.lower() for word in _words.findall(name)]
    return bool(words) and words[-1] in IDS and not (len(words) > 1 and words[-2] in MEANINGFUL)


def note_cells(plan: ColumnPlan, cells: Cells) -> tuple[list[Pair], list[Note]]:
    """Return the lines of a row's note, and its notes from columns of notes."""
    columns, header = plan.note_columns, plan.header
    lines: list[Pair] = []
    notes: list[Note] = []
    for place, dated in columns.notes:
        found, day = _text(plan, place, cells[place]), None
        if dated is not None and not is_blank(cells[dated]):
            day = _day(plan, cells[dated]) if found else None
            if day is None:
                lines.append((header[dated], _text(plan, dated, cells[dated])))
        if found:
            notes.append((header[place], day, found))
    for place in columns.lines:
        cell = cells[place]
        if cell is None or cell == "" or (place in columns.signs and not columns.signs[place](cell)):
            continue
        if (found := _text(plan, place, cell)) and not lead_ads.is_id(found):
            lines.append((header[place], found))
    return lines, notes


def too_long(lines: Sequence[Pair], notes: Sequence[Note]) -> list[FieldError]:
    """Return what is wrong with a row of which more is left over than a lead can have; nothing for others."""
    total = sum(len(found) for _, found in lines) + sum(len(found) for _, _, found in notes)
    return [FieldError("too_long", ("notes",), TOO_LONG, "")] if total > MAX_LEFT else []


def _day(plan: ColumnPlan, cell: object) -> str | None:
    try:
        return dates.day(cell, bool(plan.day_first), plan.cell_options.zone)
    except InvalidValue:
        return None


def _text(plan: ColumnPlan, place: int, cell: object) -> str:
    """Return a cell as text for a note; "" if it has no content."""
    if isinstance(cell, list | dict):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, bool):
        return str(cell).lower()
    found = text.shown(cell)
    if plan.guarded:
        found = formula_escape.unescape(found)
    if text.is_placeholder(found, name=True):
        return ""
    if "&" in found and (decoded := text.decoded(found)) != found:
        plan.report.repaired("html_entities", plan.header[place], found, decoded)
        return decoded.strip()
    return found
