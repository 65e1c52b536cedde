"""What happened to a lead, for people to read: its ``LeadChange`` entries, and the import that brought it."""

from datetime import datetime
from typing import Any, NamedTuple

from leads.audit import Kind
from leads.back_office.cells import excerpt
from leads.models import ImportRun, Lead, LeadChange
from users.audit import Channel

PAGE = 50  # entries on the page of the whole history
FIRST = 8  # entries on the lead's own page
EXCERPT = 120  # characters of a value
NOTHING = "—"
TITLES = {
    Kind.CREATED: "Created",
    Kind.CHANGED: "Changed",
    Kind.DELETED: "Deleted",
    Kind.RESTORED: "Restored",
    Kind.UNDONE: "Import undone",
    Kind.MERGED: "Merged",
}
CHANNELS = {Channel.API: "app", Channel.ADMIN: "back office", Channel.IMPORT: "import", Channel.CLI: "command line"}


class Line(NamedTuple):
    """One field: its name for people, the value before and after."""

    field: str
    old: str
    new: str

    @property
    def old_excerpt(self) -> str:
        """The beginning of the value before."""
        return excerpt(self.old, EXCERPT)

    @property
    def new_excerpt(self) -> str:
        """The beginning of the value after."""
        return excerpt(self.new, EXCERPT)


class Entry(NamedTuple):
    """One thing that happened."""

    title: str
    who: str
    channel: str
    at: datetime
    lines: list[Line]
    run: ImportRun | None = None

    @property
    def sentence(self) -> str:
        """All of it in one line: "Ada Boss, 12:04 UTC: Status from new to closed"."""
        told = "; ".join(f"{line.field} from {line.old} to {line.new}" for line in self.lines) or self.title.lower()
        return f"{self.who}, {self.at:%d %b %Y %H:%M} UTC: {told}"


def page_of(lead: Lead, start: int = 0, count: int = FIRST) -> tuple[list[Entry], bool]:
    """``count`` entries after the first ``start``, the newest first, and whether there are more. Two statements.

    What the lead says itself of its beginning comes last.
    """
    before = min(start, 1)  # one, to see that it is there
    changes = list(LeadChange.objects.of_lead(lead.pk)[start - before : start + count + 1])
    if before > len(changes):
        return [], False
    entries = [entry_of(change) for change in changes[before:]]
    if len(entries) <= count:
        entries += _beginning(lead)
    return entries[:count], len(entries) > count


def entry_of(change: LeadChange) -> Entry:
    """One change as people read it."""
    told = dict(change.changes)
    if change.kind in (Kind.DELETED, Kind.RESTORED, Kind.MERGED):
        told.pop("is_active", None)  # the title says it
    lines = [Line(label(field), shown(field, old), shown(field, new)) for field, (old, new) in told.items()]
    channel = CHANNELS[Channel(change.channel)]
    return Entry(TITLES[Kind(change.kind)], change.user_name, channel, change.at, lines, change.import_run)


def _beginning(lead: Lead) -> list[Entry]:
    if run := lead.import_run:
        return [Entry("Imported", run.started_by, CHANNELS[Channel.IMPORT], run.finished_at or run.started_at, [], run)]
    if not (author := lead.created_by) or not lead.created_channel:  # an entry tells it, see leads/audit.py
        return []
    return [Entry(TITLES[Kind.CREATED], author.name, CHANNELS[Channel(lead.created_channel)], lead.created_at, [])]


def label(field: str) -> str:
    """What people call a field."""
    words = field.removesuffix("_id").replace("_", " ").capitalize()
    return {"email": "E-mail", "is_active": "Active"}.get(field, words)


def shown(field: str, value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field in ("merged_from", "merged_into"):
        return ", ".join(f"lead {number}" for number in (value if isinstance(value, list) else [value]))
    if field.startswith("budget"):
        return f"{value:,}"
    return str(value)
