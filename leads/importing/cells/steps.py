"""What is done to the fields of a row once its cells are read: names are split, budgets and dates read, notes taken."""

import re
from collections.abc import Callable, Collection
from math import isfinite
from typing import Any

from crm_project.validation import FieldError, InvalidValue, normalized_key
from leads import consent_cells
from leads.importing.cells import email, money, names, text
from leads.importing.cells.clean import NAMES
from leads.importing.columns.note_columns import note_cells, too_long
from leads.importing.columns.plan import ColumnPlan
from leads.importing.sources.rows import Cells, is_blank
from leads.importing.warnings import CONSENT, GRANTED, UNUSED
from leads.validators import CLOSED, DEFAULT_STATUS, tags

Row = dict[str, Any]
Step = Callable[[Row, Cells], None]

BUDGETS = ("budget_min", "budget_max", "price")
REMAINDERS = "remainders"  # of a row: pairs of column and text that fill no field
REFUSALS = "refusals"  # of a row: the ways in which the lead does not want to be contacted
GRANTS = "grants"  # of a row of our own exports: the consents that the lead has granted
NOTES = "own_notes"  # of a row: those of columns of notes, with title, day and text


def row_steps(plan: ColumnPlan, constants: Row) -> list[Step]:
    """Return what is done to a row after its cells are read, in order."""
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
        steps.append(lambda row, cells: share_price(row))
    return steps


def note(plan: ColumnPlan, row: Row, cells: Cells) -> list[FieldError]:
    """Add what is left over of a row, and what columns without a field say; return what is wrong with that."""
    lines, notes = note_cells(plan, cells)
    lines = plan.report.take_remainders() + lines
    if lines:
        row[REMAINDERS] = lines
    if notes:
        row[NOTES] = notes
    return too_long(lines, notes)


def note_consent(plan: ColumnPlan, row: Row, place: int, about: str, cell: object) -> None:
    """Add that somebody does not want to be contacted, and report it with the words of the file."""
    row.setdefault(REFUSALS, []).append(about)
    plan.warnings[CONSENT, about] += 1
    if plan.cleans:  # our own exports have no words of their own
        plan.report.left("consent", plan.header[place], text.shown(cell))


def take_grant(plan: ColumnPlan, row: Row, place: int, way: str, cell: object) -> None:
    """Add a consent that the lead has granted; what cannot be read is left over."""
    try:
        grant = consent_cells.grant_of(cell, way)
    except InvalidValue:
        plan.report.left("consent_not_read", plan.header[place], text.shown(cell))
        return
    row.setdefault(GRANTS, []).append(grant)
    plan.warnings[GRANTED, way] += 1


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
    """Remove the closing date of a lead that is not closed, because it may be an expected one."""
    if "closed_at" in row and str(constants.get("status", row.get("status", ""))).strip().casefold() != CLOSED:
        value = row.pop("closed_at")
        if not is_blank(value):
            plan.report.left("closing_date_of_open_lead", plan.source_of("closed_at"), text.shown(value))


def _split_name(plan: ColumnPlan, row: Row) -> None:
    """Fill blank first or last names from a column with names, which may be full names or parts of them."""
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
    """Split a name, and use an address or a number in it if the lead has none."""
    found = names.split(name, plan.last_name_first)
    row["first_name"], row["last_name"] = found.first, found.last
    for kind, left in found.left:
        contact = ("email" if "@" in left else "phone") if kind == "not_a_name" else ""
        if contact and not row.get(contact):
            row[contact] = left
            plan.report.repaired(kind, plan.source_of("name"), name, left)
        else:
            plan.report.left(kind, plan.source_of("name"), left)


def take_display_name(plan: ColumnPlan, row: Row, cells: Cells) -> None:
    """Name a lead without a name as its email address does: Ann Ng <ann@example.com>."""
    if row["first_name"] or row["last_name"] or not row["email"] or "email" not in plan.columns:
        return
    cell = cells[plan.used.get("email", plan.columns["email"][0])]
    if isinstance(cell, str) and (name := email.display_name(cell)):
        row["first_name"], row["last_name"] = names.split_name(name)


def _find_owner(plan: ColumnPlan, row: Row) -> None:
    """Set the owner to the user whose user name, email or full name the cell contains."""
    name = " ".join(str(row.pop("owner", "")).split())
    if (owner_id := plan.cell_options.owners.get(normalized_key(name))) is not None:
        row["owner_id"] = owner_id
    elif name:
        plan.report.left("owner_not_found", plan.source_of("owner"), name)


# Google Contacts: * myContacts ::: Buyers
_GOOGLE_LABELS = re.compile(r"(?:^|\s*:::\s*)(?:\* )?")
_QUOTED_TAGS = re.compile(r'"[^"]*"(?:\s*,\s*"[^"]*")*')  # as Mailchimp writes them


def _read_tags(plan: ColumnPlan, row: Row) -> None:
    """Set the tags of a cell; none if there are more, or longer ones, than a lead can have."""
    if "tags" in row:
        given = row["tags"]
        if plan.cleans and isinstance(given, str):
            if _QUOTED_TAGS.fullmatch(given.strip()):
                given = given.replace('"', "")
            given = _GOOGLE_LABELS.sub(";", given)
        try:
            row["tags"] = tags(given)
        except InvalidValue:
            plan.report.left("tags_not_read", plan.source_of("tags"), row.pop("tags"))


def default_status(plan: ColumnPlan, value: str) -> str:
    """Return the default status in place of a value that is too long."""
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


def swap_budgets(plan: ColumnPlan, row: Row) -> None:
    lowest, highest = row["budget_min"], row["budget_max"]
    row["budget_min"], row["budget_max"] = highest, lowest
    column = plan.source_of("budget_min")
    plan.report.repaired("budget_swapped", column, f"{lowest} – {highest}", f"{highest} – {lowest}")


def read_budgets(plan: ColumnPlan, row: Row) -> None:
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
        swap_budgets(plan, row)


def share_price(row: Row) -> None:
    """Use a price as the budget if no column of its own gives one."""
    for name, part in zip(("budget_min", "budget_max"), row.pop("price", (None, None)), strict=True):
        if part is not None:
            row.setdefault(name, part)
