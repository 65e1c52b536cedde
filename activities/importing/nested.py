"""The export of leads with their activities in JSON Lines, read as a list of activities."""

from collections.abc import Iterator, Sequence
from typing import Any

from activities.exporting import ACTIVITIES, NESTED
from crm_project.validation import FieldError
from leads.importing.sources.reader import BadRow, Record, Source

NAME = ACTIVITIES.name
LEAD_FIELDS = ("id", "email", "first_name", "last_name", "phone", "created_at", "installation")


class NestedActivities(Source):
    """A file whose records are the activities in another's leads; their line is that of the lead."""

    def __init__(self, leads: Source) -> None:
        vars(self).update(vars(leads))
        self.leads = leads
        self.header = list(ACTIVITIES.columns)
        self.notes = ["The activities in each lead were read; the leads themselves are for import_leads."]
        self.places = {name: leads.header.index(name) for name in (*LEAD_FIELDS, NAME) if name in leads.header}

    def __iter__(self) -> Iterator[Record]:
        for line, cells in self.leads:
            if isinstance(cells, BadRow):
                yield line, cells
                continue
            lead = self._lead(cells)
            activities = cells[self.places[NAME]]
            if activities is not None and not isinstance(activities, list):
                yield line, _bad(NAME, "The activities of a lead are a list", activities)
                continue
            for activity in activities or ():
                yield line, _cells(lead, activity)

    def _lead(self, cells: Sequence[Any]) -> list[Any]:
        """What the lead's row says of it, in the order of the columns of activities."""
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


def is_nested(source: Source) -> bool:
    """Whether the file has leads with their activities in them."""
    return source.format in ("json", "jsonl") and NAME in source.header


def _cells(lead: list[Any], activity: object) -> list[Any]:
    if not isinstance(activity, dict):
        return _bad(NAME, "An activity is not a JSON object", activity)
    if unknown := activity.keys() - NESTED:
        problems = (_problem(name, "An activity of an export has no such field", activity[name]) for name in unknown)
        return BadRow([*lead, *activity.values()], *problems)
    return [*lead, *map(activity.get, NESTED)]


def _bad(field: str, message: str, value: object) -> BadRow:
    return BadRow([], _problem(field, message, value))


def _problem(field: str, message: str, value: object) -> FieldError:
    return FieldError("nested_activity", (field,), message, value)
