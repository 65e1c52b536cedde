"""The cells of a row one by one: without spreadsheet damage, repaired, and blank where they say nothing."""

from collections.abc import Callable
from datetime import date, time, timedelta
from math import isfinite
from typing import Any

from crm_project.validation import FieldError, InvalidValue
from leads import formula_escape, spreadsheet_damage
from leads.importing.cells import email, lead_ads, names, phone, text
from leads.importing.cells.report import Cleaned
from leads.importing.columns.plan import ColumnPlan
from leads.importing.sources.rows import Cells

Row = dict[str, Any]

NAMES = frozenset(("first_name", "last_name", "name"))
WITH_INVISIBLE = frozenset(("property_interest",))  # free text keeps its characters as they are
CLEANERS: dict[str, Callable[[str], Cleaned]] = {
    "first_name": names.clean,
    "last_name": names.clean,
    "email": email.clean,
    "phone": phone.clean,
}
_SUSPECT = frozenset("=#")  # what a spreadsheet's errors and texts dressed as formulas start with


def fields_of(plan: ColumnPlan, cells: Cells, problems: list[FieldError]) -> Row:
    """Return the fields of a row with blank, guarded, typed or damaged cells, cell by cell.

    An empty text, as opposed to a missing one, is a guard without content, or "" in a format without guards (JSON).
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
    """Return a text as it was before a spreadsheet changed it; "" if that is unknown."""
    if plan.cleans and text.is_placeholder(value, name in NAMES):
        return value
    row = {name: value}
    _undo_damage(row, name, spreadsheet_damage.restore, problems)
    if name == "phone" and row[name]:
        _undo_damage(row, name, spreadsheet_damage.telephone, problems)
    return row[name]


def _undo_damage(row: Row, name: str, read: Callable[[str], str], problems: list[FieldError]) -> None:
    """Do what ``_read`` does, but make a value blank that cannot be read."""
    value = row[name]
    try:
        row[name] = read(value)
    except InvalidValue as invalid:
        problems.append(FieldError(invalid.type, (name,), invalid.msg, value))
        row[name] = ""


def _cleaned(plan: ColumnPlan, name: str, place: int, value: str, cells: Cells) -> str:
    """Return a cell as a lead can store it; "" for a placeholder. Repairs and remainders are reported."""
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
    """Return a text without invisible characters and HTML entities; report a doubtful one."""
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
    """Return a cell that is no text as a text: the phone number 5550100.0 as its digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | date | time | timedelta) or (isinstance(value, float) and isfinite(value)):
        return text.shown(value)
    problems.append(
        FieldError("string_type", (name,), "Input should be a single value, not a list or an object", value)
    )
    return ""
