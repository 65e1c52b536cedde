"""The cells of a row to the fields of a lead, as ``leads.validators.validate`` takes them.

``row_converter`` turns a plan for the columns into one function, which costs two or three microseconds for a plain row:
one pattern for the whole row says that nothing in it needs a closer look. All other rows are read cell by cell.
"""

import re
from collections.abc import Callable, Collection
from datetime import date, time, timedelta
from math import isfinite
from operator import itemgetter
from typing import Any

from crm_project.validation import FieldError, InvalidValue, normalized_key
from leads import formula_escape, spreadsheet_damage
from leads.importing.cells import dates, email, lead_ads, money, names, phone, text
from leads.importing.cells.report import Cleaned
from leads.importing.columns.note_columns import note_cells, too_long
from leads.importing.columns.plan import ColumnPlan
from leads.importing.sorting import is_yes
from leads.importing.sources.rows import BadRow, Cells, is_blank
from leads.importing.stats import Refused
from leads.importing.warnings import CONSENT, UNUSED
from leads.validators import CLOSED, CREATE_RULES, DEFAULT_STATUS, reference, tags

Row = dict[str, Any]
# The fields of a row, and the problems with cells that could not be read; such a field is absent, or "" if required.
Convert = Callable[[Cells], tuple[Row, list[FieldError]]]

# The rules want these to be there; any other field without a value is left out, so that an update leaves it alone.
REQUIRED = ("first_name", "last_name", "email", "phone")
READERS: dict[str, Callable[..., Any]] = {
    "budget_min": money.amount,
    "budget_max": money.amount,
    "price": money.price,
    "created_at": dates.moment,
    "closed_at": dates.moment,
    **{name: rule.check for name, rule in CREATE_RULES.items() if rule.check is reference},
}
NAMES = frozenset(("first_name", "last_name", "name"))
BUDGETS = ("budget_min", "budget_max", "price")
WITH_INVISIBLE = frozenset(("property_interest",))  # free text keeps its characters as they are
REMAINDERS = "remainders"  # of a row: pairs of column and text that fill no field
NOTES = "own_notes"  # of a row: those of columns of notes, with title, day and text
CLEANERS: dict[str, Callable[[str], Cleaned]] = {
    "first_name": names.clean,
    "last_name": names.clean,
    "email": email.clean,
    "phone": phone.clean,
}
_SUSPECT = frozenset("=#")  # what a spreadsheet's errors and texts dressed as formulas start with

# What a cell looks like that needs no closer look. A name: words with single spaces between them, and few digits.
_NAME = r"(?:[^\W\d]+\d{0,5}[.,]?(?:[ '’-][^\W\d]+\d{0,5}[.,]?)*)"
_TEXT = r"(?:[^\n'=#&][^\n&]*)?"
# Of our own exports, where nothing is repaired.
_EXACT_NUMBER = r"(?:[^\n'=#Ee][^\nEe]*)?(?<!\.0)"
_EXACT_TEXT = r"(?:[^\n'=#][^\n]*)?"
_ORDINARY = dict.fromkeys(NAMES, _NAME) | {"email": email.ORDINARY, "phone": phone.ORDINARY}


def row_converter(plan: ColumnPlan) -> Convert:
    """Return the function that makes one file's rows; raises ``Refused`` for a constant that its field cannot have."""
    fields, required, cleans = tuple(plan.columns), plan.vocabulary.required, plan.cleans
    first = [places[0] for places in plan.columns.values()]
    take = itemgetter(*first) if len(first) > 1 else lambda cells: (cells[first[0]],)
    ordinary = _ordinary_row(plan).fullmatch
    placeholders, is_suspect = text.ELSEWHERE, text.is_suspect
    absent = [name for name in required if name not in fields]
    optional = [name for name in fields if name not in required]
    constants = _constants(plan)
    steps = _steps(plan, constants)
    readers = [(name, plan.reader(name)) for name in fields if _is_read(plan, name)]
    has_status, find_status = cleans and "status" in fields, plan.statuses.map
    known_status, status_counts = plan.statuses.remembered.get, plan.statuses.counts
    has_budgets = cleans and any(name in fields for name in BUDGETS)
    is_plain = money.is_plain
    amount, report, unnamed = money.amount, plan.report, plan.unnamed
    used, blanks = plan.used, plan.guarded
    consent = list(plan.consent_columns.items()) if cleans else []
    has_notes = bool(plan.note_columns.lines or plan.note_columns.notes)

    def convert(cells: Cells) -> tuple[Row, list[FieldError]]:
        if isinstance(cells, BadRow):
            return dict.fromkeys(required, ""), cells.problems
        problems: list[FieldError] = []
        values = take(cells)
        try:
            line = "\n".join(values)
            plain = ordinary(line) is not None and " \n" not in line and (blanks or "" not in values)
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
            row = _settled(plan, cells, problems)
        for name in absent:
            row[name] = ""
        for place, about in consent:
            if is_yes(cells[place]):
                _note_consent(plan, place, about, cells[place])
        if has_status and (status := row.get("status")):
            status_counts[status] += 1
            row["status"] = known_status(status) or find_status(status) or _default_status(plan, status)
        for step in steps:
            step(row, cells)
        if not plain and cleans:
            _take_display_name(plan, row, cells)
        if has_budgets:
            lowest, highest = row.get("budget_min"), row.get("budget_max")
            if "price" not in row and (lowest is None or is_plain(lowest)) and (highest is None or is_plain(highest)):
                if lowest is not None:
                    row["budget_min"] = int(lowest)
                if highest is not None:
                    row["budget_max"] = int(highest)
                    if lowest is not None and row["budget_min"] > row["budget_max"]:
                        _swap_budgets(plan, row)
            else:
                _read_budgets(plan, row)
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
            problems += _note(plan, row, cells)
        return row, problems

    return convert


def _note(plan: ColumnPlan, row: Row, cells: Cells) -> list[FieldError]:
    """Add what is left over of a row, and what columns without a field say; return what is wrong with that."""
    lines, notes = note_cells(plan, cells)
    lines = plan.report.take_remainders() + lines
    if lines:
        row[REMAINDERS] = lines
    if notes:
        row[NOTES] = notes
    return too_long(lines, notes)


def _note_consent(plan: ColumnPlan, place: int, about: str, cell: object) -> None:
    """Report that somebody does not want to be contacted, which leads cannot say yet."""
    plan.warnings[CONSENT, about] += 1
    plan.report.left("consent", plan.header[place], text.shown(cell))


def _is_read(plan: ColumnPlan, name: str) -> bool:
    """Whether a field has a reader whose refusals are problems of the row; else the row's steps read it."""
    return name in plan.vocabulary.readers and not (plan.cleans and (name in BUDGETS or name in plan.vocabulary.dates))


def _ordinary_row(plan: ColumnPlan) -> re.Pattern[str]:
    """A pattern of rows that need no closer look, a line a cell."""
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


Step = Callable[[Row, Cells], None]


def _steps(plan: ColumnPlan, constants: Row) -> list[Step]:
    """What is done to a row beside reading its cells, in order."""
    fields, cleans = plan.columns, plan.cleans
    chosen = [(name, places) for name, places in fields.items() if len(places) > 1]
    steps: list[Step] = []
    if chosen:
        steps.append(lambda row, cells: _leave_further_values(plan, chosen, cells))
    if "name" in fields:
        steps.append(lambda row, cells: _split_name(plan, row))
    if "closed_at" in fields:
        steps.append(lambda row, cells: _leave_out_closing(plan, row, constants))
    if cleans and not plan.vocabulary.dates.isdisjoint(fields):
        steps.append(_dates_step(plan))
    if "owner" in fields:
        steps.append(lambda row, cells: _find_owner(plan, row))
    if "tags" in fields:
        steps.append(lambda row, cells: _read_tags(plan, row))
    if not cleans and "price" in fields:
        steps.append(lambda row, cells: _share_price(row))
    return steps


def _settled(plan: ColumnPlan, cells: Cells, problems: list[FieldError]) -> Row:
    """The fields of a row that has blank, guarded or typed cells, or cells to be repaired: cell by cell.

    Text that is empty rather than absent is a guard with nothing behind it, or "" where nothing is guarded (JSON).
    """
    row: Row = {}
    readers, required = plan.vocabulary.readers, plan.vocabulary.required
    for name, places in plan.columns.items():
        for place in places:
            value = cells[place]
            if value is None or value == "":
                continue
            if name == "tags" and isinstance(value, list):
                value = ",".join(map(str, value))
            if value.__class__ is not str and name not in readers:
                value = _text(name, value, problems)
            if value.__class__ is str:
                if plan.guarded and value[:1] == "'" and (guarded := formula_escape.unescape(value)) != value:
                    value = guarded
                    if value == "" and name not in readers:
                        row[name] = ""
                        break
                elif plan.guarded and (value[:1] in _SUSPECT or name == "phone"):
                    value = _undamaged(plan, name, value, problems)
                if plan.cleans:
                    value = _cleaned(plan, name, place, value, cells)
            if value != "" and not (value.__class__ is str and value.isspace()):
                row[name] = value
                if place != places[0]:
                    plan.used[name] = place
                break
        else:
            plan.used[name] = places[-1]
            empty = not plan.guarded and name not in readers and any(cells[place] == "" for place in places)
            if empty or name in required:
                row[name] = ""
    return row


def _undamaged(plan: ColumnPlan, name: str, value: str, problems: list[FieldError]) -> str:
    """A text as it was before a spreadsheet had it; "" where it cannot be known."""
    if plan.cleans and text.is_placeholder(value, name in NAMES):
        return value
    row = {name: value}
    _undo_damage(row, name, spreadsheet_damage.restore, problems)
    if name == "phone" and row[name]:
        _undo_damage(row, name, spreadsheet_damage.telephone, problems)
    return row[name]


def _undo_damage(row: Row, name: str, read: Callable[[str], str], problems: list[FieldError]) -> None:
    """As ``_read``, but what cannot be read is blank."""
    value = row[name]
    try:
        row[name] = read(value)
    except InvalidValue as invalid:
        problems.append(FieldError(invalid.type, (name,), invalid.msg, value))
        row[name] = ""


def _cleaned(plan: ColumnPlan, name: str, place: int, value: str, cells: Cells) -> str:
    """A cell as a lead can have it; "" for one that stands for nothing. Repairs and remainders go to the report."""
    report, column = plan.report, plan.header[place]
    found = _readable(plan, name, column, value)
    if text.is_placeholder(found, name in NAMES):
        report.repaired("placeholders", column, value, "")
        return ""
    if name == "source" and plan.is_platform(place):
        if not (source := lead_ads.source_of(found)):
            report.left("further_value", column, found)
        return source
    if name == "phone" and place in plan.fax_labels and "fax" in str(cells[plan.fax_labels[place]]).lower():
        report.left("not_a_phone", column, found)
        return ""
    if name not in CLEANERS or not found:
        return found
    cleaned = CLEANERS[name](found)
    if cleaned.repair:
        report.repaired(cleaned.repair, column, value, cleaned.value)
    for kind, left in cleaned.left:
        report.left(kind, column, left)
    return cleaned.value


def _readable(plan: ColumnPlan, name: str, column: str, value: str) -> str:
    """A text without invisible characters and HTML entities; a doubtful one is reported."""
    report = plan.report
    found = value
    if "&" in found and (decoded := text.decoded(found)) != found:
        report.repaired("html_entities", column, value, decoded)
        found = decoded
    if not found.isascii():
        if name not in WITH_INVISIBLE:
            visible = text.visible(found, name in NAMES)
            if visible != found.strip():
                report.repaired("invisible_characters", column, value, visible)
            found = visible
        if text.is_doubtful(found):
            report.repaired("doubtful_text", column, found, found)
    return found.strip()


def _text(name: str, value: object, problems: list[FieldError]) -> str:
    """A cell that is no text, as the text it shows: a telephone number 5550100.0 is its digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | date | time | timedelta) or (isinstance(value, float) and isfinite(value)):
        return text.shown(value)
    problems.append(
        FieldError("string_type", (name,), "Input should be a single value, not a list or an object", value)
    )
    return ""


def _read(row: Row, name: str, read: Callable[[Any], Any], problems: list[FieldError]) -> None:
    try:
        row[name] = read(row[name])
    except InvalidValue as invalid:
        problems.append(FieldError(invalid.type, (name,), invalid.msg, row.pop(name)))


def _leave_further_values(plan: ColumnPlan, chosen: Collection[tuple[str, tuple[int, ...]]], cells: Cells) -> None:
    """Take note of values that are not stored, because an earlier column of the same field has another one."""
    for name, places in chosen:
        used = plan.used.get(name, places[0])
        for place in places[places.index(used) + 1 :]:
            value = cells[place]
            if not value or is_blank(value) or text.shown(value).casefold() == text.shown(cells[used]).casefold():
                continue
            if plan.cleans and text.is_placeholder(text.shown(value), name in NAMES):
                continue
            plan.warnings[UNUSED, place] += 1
            if plan.cleans:
                plan.report.left("further_value", plan.header[place], text.shown(value))


def _leave_out_closing(plan: ColumnPlan, row: Row, constants: Row) -> None:
    """The day of closing says something of closed leads alone; on others it may be one that is only hoped for."""
    if "closed_at" in row and str(constants.get("status", row.get("status", ""))).strip().casefold() != CLOSED:
        value = row.pop("closed_at")
        if not is_blank(value):
            plan.report.left("closing_date_of_open_lead", plan.source_of("closed_at"), text.shown(value))


def _split_name(plan: ColumnPlan, row: Row) -> None:
    """A name beside first and last names fills what is blank of them: "Name" may be the whole name, or a part of it."""
    name, first, last = row.pop("name", "").strip(), row["first_name"].strip(), row["last_name"].strip()
    if not name:
        return
    if not first and not last:
        if plan.cleans:
            _split_whole_name(plan, row, name)
        else:
            row["first_name"], row["last_name"] = names.split_name(name)
    elif not last:
        row["last_name"] = name[len(first) :].strip() if name.lower().startswith(first.lower() + " ") else name
        if row["last_name"].lower() == first.lower():
            row["last_name"] = ""
    elif not first and name.lower().endswith(" " + last.lower()):
        row["first_name"] = name[: -len(last)].strip()
    elif not first and "first_name" not in plan.columns:
        row["first_name"] = name
    elif plan.cleans and not set(name.casefold().split()) <= set(f"{first} {last}".casefold().split()):
        plan.report.left("further_value", plan.source_of("name"), name)


def _split_whole_name(plan: ColumnPlan, row: Row, name: str) -> None:
    """Divide a name, and give an address or a number in it to a lead that has none."""
    found = names.split(name, plan.last_name_first)
    row["first_name"], row["last_name"] = found.first, found.last
    for kind, left in found.left:
        contact = ("email" if "@" in left else "phone") if kind == "not_a_name" else ""
        if contact and not row.get(contact):
            row[contact] = left
            plan.report.repaired(kind, plan.source_of("name"), name, left)
        else:
            plan.report.left(kind, plan.source_of("name"), left)


def _take_display_name(plan: ColumnPlan, row: Row, cells: Cells) -> None:
    """A lead without a name is called as its address says: Ann Ng <ann@example.com>."""
    if row["first_name"] or row["last_name"] or not row["email"] or "email" not in plan.columns:
        return
    cell = cells[plan.used.get("email", plan.columns["email"][0])]
    if isinstance(cell, str) and (name := email.display_name(cell)):
        row["first_name"], row["last_name"] = names.split_name(name)


def _find_owner(plan: ColumnPlan, row: Row) -> None:
    """The user whose user name, email or full name the cell has."""
    name = " ".join(str(row.pop("owner", "")).split())
    if (owner_id := plan.cell_options.owners.get(normalized_key(name))) is not None:
        row["owner_id"] = owner_id
    elif name:
        plan.report.left("owner_not_found", plan.source_of("owner"), name)


def _read_tags(plan: ColumnPlan, row: Row) -> None:
    """The tags of a cell; none where they are more or longer than a lead can have."""
    if "tags" in row:
        try:
            row["tags"] = tags(row["tags"])
        except InvalidValue:
            plan.report.left("tags_not_read", plan.source_of("tags"), row.pop("tags"))


def _default_status(plan: ColumnPlan, value: str) -> str:
    """The default, for a value that is too long to be a status."""
    plan.report.left("status_too_long", plan.source_of("status"), value)
    return DEFAULT_STATUS


def _dates_step(plan: ColumnPlan) -> Step:
    readers = [(name, plan.reader(name)) for name in plan.columns if name in plan.vocabulary.dates]

    def step(row: Row, cells: Cells) -> None:
        for name, read in readers:
            if name in row:
                try:
                    row[name] = read(row[name])
                except InvalidValue:
                    plan.report.left("date_not_read", plan.source_of(name), text.shown(row.pop(name)))

    return step


def _swap_budgets(plan: ColumnPlan, row: Row) -> None:
    lowest, highest = row["budget_min"], row["budget_max"]
    row["budget_min"], row["budget_max"] = highest, lowest
    column = plan.source_of("budget_min")
    plan.report.repaired("budget_swapped", column, f"{lowest} – {highest}", f"{highest} – {lowest}")


def _read_budgets(plan: ColumnPlan, row: Row) -> None:
    """Read the budgets of a row. A column of its own comes before one end of a price."""
    report = plan.report
    ends: dict[str, int] = {}
    counted: set[str] = set()  # a repair of both ends is one
    for name in BUDGETS:
        if name not in row:
            continue
        value, column = row.pop(name), plan.source_of(name)
        shown = text.shown(value)
        is_fraction = isinstance(value, float) and isfinite(value) and not value.is_integer()
        budget = money.read_budget(f"{value:.2f}" if is_fraction else shown)
        lowest, highest = budget.lowest, budget.highest
        if name == "budget_min" and lowest is None:
            lowest, highest = highest, None
        elif name == "budget_max" and highest is None:
            lowest, highest = None, lowest
        for end, units in (("budget_min", lowest), ("budget_max", highest)):
            if units is not None:
                ends.setdefault(end, units)
        for kind in budget.repairs:
            if kind not in counted:
                counted.add(kind)
                report.repaired(kind, column, shown, " – ".join(str(end) for end in (lowest, highest) if end))
        if budget.unread:
            report.left("budget_not_read", column, shown)
    row.update(ends)
    if ends.get("budget_min", 0) > ends.get("budget_max", ends.get("budget_min", 0)):
        _swap_budgets(plan, row)


def _share_price(row: Row) -> None:
    """A price counts only for a budget that no column of its own gives."""
    for name, part in zip(("budget_min", "budget_max"), row.pop("price", (None, None)), strict=True):
        if part is not None:
            row.setdefault(name, part)


def _constants(plan: ColumnPlan) -> Row:
    """The values set for every row, read as a cell of the same field would be."""
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
    _share_price(row)
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
