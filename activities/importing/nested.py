"""The export of leads with their activities and follow-ups in JSON Lines, read as a list of one of these."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from activities.exporting import LEAD_COLUMNS
from crm_project.validation import FieldError
from leads.importing.sources.reader import BadRow, Record, Source

LEAD_FIELDS = ("id", "email", "first_name", "last_name", "phone", "created_at", "installation")


class NestedRows(Source):
    """A file whose rows are in the list ``name`` of each lead of another file. Their line is that of the lead."""

    def __init__(self, leads: Source, name: str, columns: Collection[str]) -> None:
        vars(self).update(vars(leads))
        self.leads, self.name, self.columns, self.noun = leads, name, columns, name.replace("_", "-")
        self.header = [*LEAD_COLUMNS, *columns]
        self.notes = [f"The {self.noun} in each lead were read; the leads themselves are for import_leads."]
        self.places = {name: leads.header.index(name) for name in (*LEAD_FIELDS, name) if name in leads.header}

    def __iter__(self) -> Iterator[Record]:
        for line, cells in self.leads:
            if isinstance(cells, BadRow):
                yield line, cells
                continue
            lead = self._lead(cells)
            rows = cells[self.places[self.name]]
            if rows is not None and not isinstance(rows, list):
                yield line, _bad(self.name, f"The {self.noun} of a lead are a list", rows)
                continue
            for row in rows or ():
                yield line, self._cells(lead, row)

    def _lead(self, cells: Sequence[Any]) -> list[Any]:
        """Return the values of the lead's row, in the order of ``LEAD_COLUMNS``."""
        fields = {name: cells[self.places[name]] if name in self.places else None for name in LEAD_FIELDS}
        names = [name for name in (fields["first_name"], fields["last_name"]) if isinstance(name, str)]
        return [
            fields["id"],
            fields["email"],
            " ".join(names).strip(),
            fields["phone"],
            fields["created_at"],
            fields["installation"],
        ]

    def _cells(self, lead: list[Any], row: object) -> list[Any]:
        if not isinstance(row, dict):
            return _bad(self.name, f"One of the {self.noun} is not a JSON object", row)
        if unknown := row.keys() - self.columns:
            message = f"{self.noun.capitalize()} of an export have no such field"
            return BadRow([*lead, *row.values()], *(_problem(name, message, row[name]) for name in unknown))
        return [*lead, *map(row.get, self.columns)]


def nested(source: Source, name: str, columns: Collection[str]) -> Source:
    """Return a source of the rows in the lists ``name`` if the file's leads have such lists, else the file itself."""
    is_nested = source.format in ("json", "jsonl") and name in source.header
    return NestedRows(source, name, columns) if is_nested else source


def _bad(field: str, message: str, value: object) -> BadRow:
    return BadRow([], _problem(field, message, value))


def _problem(field: str, message: str, value: object) -> FieldError:
    return FieldError("nested_row", (field,), message, value)
