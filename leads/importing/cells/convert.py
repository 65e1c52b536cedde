"""The cells of a row to the fields of a lead, as ``leads.validators.validate`` takes them.

``row_converter`` turns a plan for the columns into one function, which costs two or three microseconds for a plain row.
"""

from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from crm_project.validation import FieldError, InvalidValue
from leads import formula_escape
from leads.importing.cells import dates, money, spreadsheet_damage
from leads.importing.cells.names import split_name
from leads.importing.sources.rows import BadRow, Cells, is_blank
from leads.importing.stats import Refused
from leads.importing.warnings import NOT_CLOSED, SEVERAL, Warnings, count_unused

if TYPE_CHECKING:
    from leads.importing.columns.mapping import Mapping as Columns

Row = dict[str, Any]
# The fields of a row, and the problems with cells that could not be read; such a field is absent, or "" if required.
Convert = Callable[[Cells], tuple[Row, list[FieldError]]]

# The rules want these to be there; any other field without a value is left out, so that an update leaves it alone.
REQUIRED = ("first_name", "last_name", "email", "phone")
READERS: dict[str, Callable[[Any], Any]] = {
    "budget_min": money.amount,
    "budget_max": money.amount,
    "price": money.price,
    "created_at": dates.moment,
    "closed_at": dates.moment,
}
_SEVERAL = " ::: "
_SUSPECT = frozenset("=#")  # what a spreadsheet's errors and texts dressed as formulas start with


def row_converter(plan: "Columns") -> Convert:
    """The function that makes one file's rows; raises ``Refused`` for a constant that is no value of its field."""
    fields, required = tuple(plan.columns), plan.vocabulary.required
    readers = [(name, plan.reader(name)) for name in fields if name in plan.vocabulary.readers]
    first = [places[0] for places in plan.columns.values()]
    take = itemgetter(*first) if len(first) > 1 else lambda cells: (cells[first[0]],)
    amount = money.amount
    absent = [field for field in required if field not in fields]
    constants = _constants(plan)
    splits, prices, unnamed, several = "name" in fields, "price" in fields, plan.unnamed, plan.several_values
    chosen = [places for places in plan.columns.values() if len(places) > 1]
    phones, closings, remarks = "phone" in fields and plan.guarded, "closed_at" in fields, plan.remarks

    def convert(cells: Cells) -> tuple[Row, list[FieldError]]:
        if isinstance(cells, BadRow):
            return dict.fromkeys(required, ""), cells.problems
        problems: list[FieldError] = []
        values = take(cells)
        try:
            text = "\n".join(values)
            plain = "" not in values and "'" not in text and "#" not in text and '="' not in text
        except TypeError:  # numbers, dates, null: from a workbook or JSON
            plain = False
        if plain:
            row = dict(zip(fields, values, strict=True))
            if phones and (row["phone"][-2:] == ".0" or "E+" in row["phone"] or "e+" in row["phone"]):
                _mend(row, "phone", spreadsheet_damage.telephone, problems)
        else:
            row = _settled(plan, cells, problems)
        for field in absent:
            row[field] = ""
        if several:
            _take_first(row, several, remarks)
        for places in chosen:
            count_unused(cells, places, remarks)
        if closings:
            _leave_out_closing(row, constants, remarks)
        for field, read in readers:
            if field in row:
                value = row[field]
                if read is amount and value.__class__ is str and value.isdecimal() and len(value) < 19:
                    row[field] = int(value)  # by far the most, so without a call
                else:
                    _read(row, field, read, problems)
        if splits:
            _split_name(row)
        if prices:
            _share_price(row)
        if constants:
            row.update(constants)
        if unnamed:
            problems += _without_header(cells, unnamed)
        return row, problems

    return convert


def _settled(plan: "Columns", cells: Cells, problems: list[FieldError]) -> Row:
    """The fields of a row that has blank, guarded or typed cells, or several columns for a field: cell by cell.

    Text that is empty rather than absent is a guard with nothing behind it, or "" where nothing is guarded (JSON).
    """
    row: Row = {}
    readers, required = plan.vocabulary.readers, plan.vocabulary.required
    for field, places in plan.columns.items():
        for place in places:
            value = cells[place]
            if value.__class__ is not str and value is not None and field not in readers:
                value = _text(field, value, problems)
            if value.__class__ is str and plan.guarded:
                if value[:1] == "'":
                    value = formula_escape.unescape(value)
                    if value == "" and field not in readers:
                        row[field] = ""
                        break
                elif value[:1] in _SUSPECT or field == "phone":
                    value = _unmangled(field, value, problems)
            if value is not None and value != "" and not (value.__class__ is str and value.isspace()):
                row[field] = value
                break
        else:
            empty = not plan.guarded and field not in readers and any(cells[place] == "" for place in places)
            if empty or field in required:
                row[field] = ""
    return row


def _unmangled(field: str, value: str, problems: list[FieldError]) -> str:
    """A text as it was before a spreadsheet had it; "" where it cannot be told."""
    row = {field: value}
    _mend(row, field, spreadsheet_damage.restore, problems)
    if field == "phone" and row[field]:
        _mend(row, field, spreadsheet_damage.telephone, problems)
    return row[field]


def _mend(row: Row, field: str, read: Callable[[str], str], problems: list[FieldError]) -> None:
    """As ``_read``, but what cannot be read is blank."""
    value = row[field]
    try:
        row[field] = read(value)
    except InvalidValue as invalid:
        problems.append(FieldError(invalid.type, (field,), invalid.msg, value))
        row[field] = ""


def _text(field: str, value: object, problems: list[FieldError]) -> str:
    """A cell that is no text, as the text it shows: a telephone number 5550100.0 is its digits."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if isfinite(value):
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case int() | time() | timedelta():
            return str(value)
        case datetime() | date():
            return value.isoformat().removesuffix("T00:00:00")
    problems.append(
        FieldError("string_type", (field,), "Input should be a single value, not a list or an object", value)
    )
    return ""


def _read(row: Row, field: str, read: Callable[[Any], Any], problems: list[FieldError]) -> None:
    try:
        row[field] = read(row[field])
    except InvalidValue as invalid:
        problems.append(FieldError(invalid.type, (field,), invalid.msg, row.pop(field)))


def _take_first(row: Row, fields: Collection[str], remarks: Warnings) -> None:
    for field in fields:
        if _SEVERAL in row.get(field, ""):
            row[field] = row[field].partition(_SEVERAL)[0]
            remarks[SEVERAL, field] += 1


def _leave_out_closing(row: Row, constants: Row, remarks: Warnings) -> None:
    """The day of closing says something of closed leads alone; on others it may be one that is only hoped for."""
    if "closed_at" in row and str(constants.get("status", row.get("status", ""))).strip().casefold() != "closed":
        told = not is_blank(row.pop("closed_at"))
        remarks[NOT_CLOSED, "closed_at"] += told


def _split_name(row: Row) -> None:
    """A name beside first and last names fills what is blank of them: "Name" may be the whole name, or the last one."""
    name, first, last = row.pop("name", "").strip(), row["first_name"].strip(), row["last_name"].strip()
    if name and not first and not last:
        row["first_name"], row["last_name"] = split_name(name)
    elif name and not last:
        row["last_name"] = name[len(first) :].strip() if name.lower().startswith(first.lower() + " ") else name
        if row["last_name"].lower() == first.lower():
            row["last_name"] = ""
    elif name and not first and name.lower().endswith(" " + last.lower()):
        row["first_name"] = name[: -len(last)].strip()


def _share_price(row: Row) -> None:
    """A price counts only for a budget that no column of its own gives."""
    for field, part in zip(("budget_min", "budget_max"), row.pop("price", (None, None)), strict=True):
        if part is not None:
            row.setdefault(field, part)


def _constants(plan: "Columns") -> Row:
    """The values set for every row, read as a cell of the same field would be."""
    row: Row = dict.fromkeys(("first_name", "last_name"), "")
    given = plan.constants
    for field, value in given.items():
        try:
            row[field] = plan.reader(field)(value) if field in plan.vocabulary.readers else value
        except InvalidValue as invalid:
            raise Refused(f"{field} cannot be set to {value!r}: {invalid.msg}") from None
    _split_name(row)
    _share_price(row)
    return {field: value for field, value in row.items() if field in given or value not in (None, "")}


def _without_header(cells: Cells, places: Collection[int]) -> list[FieldError]:
    message = "This column has a value but no header"
    return [
        FieldError("no_header", (f"column {place + 1}",), message, cells[place])
        for place in places
        if not is_blank(cells[place])
    ]
