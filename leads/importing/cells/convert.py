"""The cells of a row to the fields of a lead, as ``leads.validators.validate`` takes them.

``row_reader`` turns a plan for the columns into one function, which costs two or three microseconds for a plain row:
one pattern for the whole row says that nothing in it needs a closer look, nor a look at the rules. All other rows are
read cell by cell.
"""

import re
from collections.abc import Callable, Collection
from operator import itemgetter
from typing import Any

from crm_project.validation import FieldError, InvalidValue, normalized_key
from leads.importing.cells import dates, email, money, names, phone, text
from leads.importing.cells.clean import NAMES, fields_of
from leads.importing.cells.steps import (
    BUDGETS,
    default_status,
    note,
    note_consent,
    read_budgets,
    row_steps,
    share_price,
    swap_budgets,
    take_display_name,
    take_grant,
)
from leads.importing.columns.plan import ColumnPlan
from leads.importing.sources.rows import BadRow, Cells, is_blank
from leads.importing.stats import Refused
from leads.validators import CREATE_RULES, DEFAULTS, MAX_NAME, MAX_SOURCE, MAX_TEXT, reference, tags

Row = dict[str, Any]
# The fields of a row, and the problems with cells that could not be read; such a field is absent, or "" if required.
# At last what ``validate`` would return, for a row that is sure to follow the rules; else ``None``.
ReadRow = Callable[[Cells], tuple[Row, list[FieldError], Row | None]]

# The rules want these to be there; any other field without a value is left out, so that an update leaves it alone.
REQUIRED = ("first_name", "last_name", "email", "phone")
READERS: dict[str, Callable[..., Any]] = {
    "budget_min": money.amount,
    "budget_max": money.amount,
    "price": money.price,
    "created_at": dates.timestamp,
    "closed_at": dates.timestamp,
    **{name: rule.check for name, rule in CREATE_RULES.items() if rule.check is reference},
}

# What a cell looks like that needs no closer look. A name: words with single spaces between them, and few digits.
_NAME = r"(?:[^\W\d]+\d{0,5}[.,]?(?:[ '’-][^\W\d]+\d{0,5}[.,]?)*)"
_TEXT = r"(?:[^\x00- '=#&][^\x00-\x1f&]*)?"
# Of our own exports, where nothing is repaired.
_EXACT_NUMBER = r"(?:[^\n'=#Ee][^\nEe]*)?(?<!\.0)"
_EXACT_TEXT = r"(?:[^\n'=#][^\n]*)?"
_AT_MOST = r"(?=[^\n]{{0,{}}}(?:\n|\Z))"
_SHORT = _AT_MOST.format(MAX_NAME)
_ORDINARY = dict.fromkeys(NAMES, _SHORT + _NAME) | {
    "email": _SHORT + email.ORDINARY,
    "phone": phone.ORDINARY,
    "source": _AT_MOST.format(MAX_SOURCE) + _TEXT,
    "property_interest": _AT_MOST.format(MAX_TEXT) + _TEXT,
}
# Fields whose cells are as the rules want them if they are ordinary, and as the reader leaves them.
_RULED = frozenset(("first_name", "last_name", "email", "phone", "source", "property_interest"))
_RULED |= {"status", "budget_min", "budget_max"}
_DEFAULTS = {name: DEFAULTS[name] for name in CREATE_RULES if name in DEFAULTS}


def row_reader(plan: ColumnPlan) -> ReadRow:
    """Return the function that makes one file's rows; raises ``Refused`` for a constant that its field cannot have."""
    fields, required, cleans = tuple(plan.columns), plan.vocabulary.required, plan.cleans
    first = [places[0] for places in plan.columns.values()]
    take = itemgetter(*first) if len(first) > 1 else lambda cells: (cells[first[0]],)
    ordinary = _ordinary_row(plan).fullmatch
    placeholders, is_suspect = text.ELSEWHERE, text.is_suspect
    absent = [name for name in required if name not in fields]
    optional = [name for name in fields if name not in required]
    constants = _constants(plan)
    steps = row_steps(plan, constants)
    readers = [(name, plan.reader(name)) for name in fields if _is_read(plan, name)]
    has_status, find_status = cleans and "status" in fields, plan.statuses.map
    known_status, status_counts = plan.statuses.remembered.get, plan.statuses.counts
    has_budgets = cleans and any(name in fields for name in BUDGETS)
    is_plain = money.is_plain
    amount, report, unnamed = money.amount, plan.report, plan.unnamed
    used, blanks = plan.used, plan.guarded
    consent, grants = list(plan.consent_columns.items()), list(plan.grant_columns.items())
    has_notes = bool(plan.note_columns.lines or plan.note_columns.notes)
    follows_rules = not (constants or consent or grants or unnamed) and _follows_rules(plan)
    times = [name for name in fields if name in plan.vocabulary.dates]

    def read_row(cells: Cells) -> tuple[Row, list[FieldError], Row | None]:
        if isinstance(cells, BadRow):
            return dict.fromkeys(required, ""), cells.problems, None
        problems: list[FieldError] = []
        values = take(cells)
        try:
            line = "\n".join(values)
            plain = ordinary(line) is not None and " \n" not in line + "\n" and (blanks or "" not in values)
            if plain and cleans:
                plain = placeholders.isdisjoint(values) and (line.isascii() or not is_suspect("".join(values)))
        except TypeError:  # numbers, dates, null: from a workbook or JSON
            plain = False
        if used:
            used.clear()
        if plain:
            row = dict(zip(fields, values, strict=True))
            if "" in values:
                for name in optional:
                    if row[name] == "":
                        del row[name]
        else:
            row = fields_of(plan, cells, problems)
        for name in absent:
            row[name] = ""
        for place, (about, is_said) in consent:
            if is_said(cells[place]):
                note_consent(plan, row, place, about, cells[place])
        for place, way in grants:
            if cells[place]:
                take_grant(plan, row, place, way, cells[place])
        if has_status and (status := row.get("status")):
            status_counts[status] += 1
            row["status"] = known_status(status) or find_status(status) or default_status(plan, status)
        for step in steps:
            step(row, cells)
        if not plain and cleans:
            take_display_name(plan, row, cells)
        if has_budgets:
            lowest, highest = row.get("budget_min"), row.get("budget_max")
            if "price" not in row and (lowest is None or is_plain(lowest)) and (highest is None or is_plain(highest)):
                if lowest is not None:
                    row["budget_min"] = int(lowest)
                if highest is not None:
                    row["budget_max"] = int(highest)
                    if lowest is not None and row["budget_min"] > row["budget_max"]:
                        swap_budgets(plan, row)
            else:
                read_budgets(plan, row)
        for name, read in readers:
            if name in row:
                value = row[name]
                if read is amount and value.__class__ is str and value.isdecimal() and len(value) < 19:
                    row[name] = int(value)
                else:
                    _read(row, name, read, problems)
        if constants:
            row.update(constants)
        if unnamed:
            problems += _without_header(cells, unnamed)
        if report.remainders or has_notes:
            problems += note(plan, row, cells)
            return row, problems, None
        if not (plain and follows_rules):
            return row, problems, None
        clean = _DEFAULTS | row
        for name in times:
            clean.pop(name, None)
        return row, problems, clean

    return read_row


def _is_read(plan: ColumnPlan, name: str) -> bool:
    """Return whether a field has a reader whose errors are errors of the row. The row's steps read other fields."""
    return name in plan.vocabulary.readers and not (plan.cleans and (name in BUDGETS or name in plan.vocabulary.dates))


def _follows_rules(plan: ColumnPlan) -> bool:
    """Return whether ordinary cells of a row are valid as they are: no field has rules that this module lacks."""
    filled = {*plan.vocabulary.required, *_DEFAULTS}
    return plan.cleans and filled.issuperset(CREATE_RULES) and (_RULED | plan.vocabulary.dates).issuperset(plan.columns)


def _ordinary_row(plan: ColumnPlan) -> re.Pattern[str]:
    """Return a pattern of rows that need no cleaning. The row is matched as text with one line for each cell."""
    return re.compile("\n".join(_ordinary_cell(plan, name, places) for name, places in plan.columns.items()))


def _ordinary_cell(plan: ColumnPlan, name: str, places: Collection[int]) -> str:
    if name == "phone" and plan.fax_labels:
        return "(?!)"  # its label has to be looked at
    if name == "source" and plan.cleans and any(plan.is_platform(place) for place in places):
        return "(?!)"
    if not plan.cleans:
        pattern = _EXACT_NUMBER if name == "phone" else _EXACT_TEXT
    else:
        pattern = f"(?:{_ORDINARY[name]})?" if name in _ORDINARY else _TEXT
    return pattern if len(places) == 1 else rf"(?!\n|\Z){pattern}"


def _read(row: Row, name: str, read: Callable[[Any], Any], problems: list[FieldError]) -> None:
    try:
        row[name] = read(row[name])
    except InvalidValue as invalid:
        problems.append(FieldError(invalid.type, (name,), invalid.msg, row.pop(name)))


def _constants(plan: ColumnPlan) -> Row:
    """Return the values that are set for every row, converted as cells of the same fields are."""
    row: Row = dict.fromkeys(("first_name", "last_name"), "")
    given = plan.constants
    for name, value in given.items():
        try:
            row[name] = plan.reader(name)(value) if name in plan.vocabulary.readers else value
        except InvalidValue as invalid:
            raise Refused(f"{name} cannot be set to {value!r}: {invalid.msg}") from None
    if whole := row.pop("name", "").strip():
        if not row["first_name"].strip() and not row["last_name"].strip():
            row["first_name"], row["last_name"] = names.split_name(whole)
        elif not row["last_name"].strip():
            row["last_name"] = whole
    share_price(row)
    if owner := row.pop("owner", ""):
        row["owner_id"] = plan.cell_options.owners.get(normalized_key(owner))
        if row["owner_id"] is None:
            raise Refused(f"owner cannot be set to {owner!r}: there is no such user")
    if "tags" in row:
        try:
            row["tags"] = tags(row["tags"])
        except InvalidValue as invalid:
            raise Refused(f"tags cannot be set to {row['tags']!r}: {invalid.msg}") from None
    return {name: value for name, value in row.items() if name in given or value not in (None, "")}


def _without_header(cells: Cells, places: Collection[int]) -> list[FieldError]:
    message = "This column has a value but no header"
    return [
        FieldError("no_header", (f"column {place + 1}",), message, cells[place])
        for place in places
        if not is_blank(cells[place])
    ]
