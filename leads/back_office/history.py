"""The history of a lead as the pages show it: its ``LeadChange`` entries, and the import that created it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils.formats import date_format

from leads.audit import Kind
from leads.back_office.cells import excerpt, money, time_with_zone
from leads.models import ImportRun, Lead, LeadChange
from users import directory
from users.audit import Channel

PAGE = 50  # entries on a page of the full history
FIRST = 8  # entries on the lead's own page
EXCERPT = 120  # characters of a value
EMPTY = "—"
PEOPLE = ("owner_id", "assignee_id")
TITLES = {
    Kind.CREATED: "Created",
    Kind.CHANGED: "Changed",
    Kind.DELETED: "Deleted",
    Kind.RESTORED: "Restored",
    Kind.UNDONE: "Import undone",
    Kind.MERGED: "Merged",
    Kind.ACTIVITY_CHANGED: "Activity changed",
    Kind.ACTIVITY_DELETED: "Activity deleted",
    Kind.FOLLOW_UP: "Follow-up",
    Kind.CONSENT: "Consent",
}
CHANNELS = {Channel.API: "app", Channel.ADMIN: "back office", Channel.IMPORT: "import", Channel.CLI: "command line"}


class Line(NamedTuple):
    """One field: its label, the value before ("" if it says what the entry is about) and after."""

    field: str
    old: str
    new: str

    @property
    def old_excerpt(self) -> str:
        """Return the beginning of the value before."""
        return excerpt(self.old, EXCERPT)

    @property
    def new_excerpt(self) -> str:
        """Return the beginning of the value after."""
        return excerpt(self.new, EXCERPT)


class Entry(NamedTuple):
    """One event of the history."""

    title: str
    author: str
    channel: str
    at: datetime
    lines: list[Line]
    run: ImportRun | None = None

    @property
    def sentence(self) -> str:
        """Return the entry as one line: "Ada Boss, 30 Nov 2026, 12:04 CET: Status from new to closed"."""
        lines = (f"{line.field} {f'from {line.old} to ' * bool(line.old)}{line.new}" for line in self.lines)
        changes = "; ".join(lines) or self.title.lower()
        return f"{self.author}, {time_with_zone(self.at)}: {changes}"


def history_page(lead: Lead, start: int = 0, count: int = FIRST) -> tuple[list[Entry], bool]:
    """Return ``count`` entries after the first ``start``, newest first, and whether there are more. Two statements, and
    a third where owners were changed.

    The entry of the lead's creation, taken from the lead itself, comes last.
    """
    before = min(start, 1)  # one more, to see that the page exists
    changes = list(LeadChange.objects.of_lead(lead.pk)[start - before : start + count + 1])
    if before > len(changes):
        return [], False
    owners = owner_names(changes)
    entries = [build_entry(change, owners) for change in changes[before:]]
    if len(entries) <= count:
        entries += _creation(lead)
    return entries[:count], len(entries) > count


def owner_names(changes: Iterable[LeadChange]) -> dict[int, str]:
    """Return the names of the users that changes mention as owners or assignees, by id: one statement, or none."""
    pairs = (change.changes.get(name, ()) for change in changes for name in PEOPLE)
    ids = {user for pair in pairs for user in pair if isinstance(user, int)}
    return directory.names(ids) if ids else {}


def build_entry(change: LeadChange, owners: Mapping[int, str]) -> Entry:
    """Return a change as the pages show it; ``owners`` are the names of ``owner_names``."""
    changes = dict(change.changes)
    if change.kind in (Kind.DELETED, Kind.RESTORED, Kind.MERGED):
        changes.pop("is_active", None)  # the title implies it
    for name in ("activity_id", "follow_up_id"):
        changes.pop(name, None)
    lines = [
        Line(label(name), "" if old == new else display(name, old, owners), display(name, new, owners))
        for name, (old, new) in changes.items()
    ]
    channel = CHANNELS[Channel(change.channel)]
    return Entry(TITLES[Kind(change.kind)], change.user_name, channel, change.at, lines, change.import_run)


def _creation(lead: Lead) -> list[Entry]:
    if run := lead.import_run:
        return [Entry("Imported", run.started_by, CHANNELS[Channel.IMPORT], run.finished_at or run.started_at, [], run)]
    if not (author := lead.created_by) or not lead.created_channel:  # there is an entry, see leads/audit.py
        return []
    return [Entry(TITLES[Kind.CREATED], author.name, CHANNELS[Channel(lead.created_channel)], lead.created_at, [])]


def label(field: str) -> str:
    """Return the label of a field."""
    words = field.removesuffix("_id").replace("_", " ").capitalize()
    return {"property_interest": "Interested in", "is_active": "Active"}.get(field, words)


def display(field: str, value: Any, owners: Mapping[int, str]) -> str:
    """Return a value as the pages show it; ``owners`` are users' names by id."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field in ("merged_from", "merged_into"):
        return ", ".join(f"lead {number}" for number in (value if isinstance(value, list) else [value]))
    if field in PEOPLE:
        return owners.get(value, f"user {value}")
    if field == "due_on":
        return date_format(date.fromisoformat(str(value)))
    if field.startswith("budget"):
        return money(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
