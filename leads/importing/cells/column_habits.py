"""How the columns of a file are written, detected from its first rows."""

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from leads.importing.cells import date_order, names

if TYPE_CHECKING:
    from leads.importing.columns.mapping import Mapping as Columns
    from leads.importing.sources.reader import Source


def habits_of(source: "Source", columns: "Columns", dates: bool = True) -> tuple["Columns", list[str]]:
    """Return the plan with what the file's rows say of it, and sentences about that.

    That is whether names with a comma have the last name first and, with ``dates``, the order of day and month.
    """
    notes: list[str] = []
    if dates:
        columns, notes = date_order.settled(source, columns)
    if columns.cleans and (places := columns.columns.get("name")):
        rows = islice(source, names.LOOK_AHEAD)
        columns = replace(columns, last_name_first=names.written_last_name_first(rows, places))
    return columns, notes
