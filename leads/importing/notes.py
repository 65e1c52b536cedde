"""Notes of imported leads: what fills no field, and the columns of notes.

An app above this one stores them, and registers a ``NoteStore``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

from django.db.models.expressions import Combinable
from django.utils import timezone

from crm_project.validation import normalized_key
from leads.importing.cells.steps import NOTES, REMAINDERS
from leads.importing.stats import Refused, showable
from leads.models import ImportRun
from leads.validators import MAX_TEXT
from users.models import User

TITLE = "Imported from {}"
MAX_TITLE = 255

Texts = list[tuple[str, str | None, str]]  # title ("" for the import's own), day (that of the lead), text


class Note(NamedTuple):
    """A note to be stored with a lead."""

    lead_id: int
    title: str
    text: str
    day: date


class NoteStore(Protocol):
    """Stores notes."""

    def add(self, run: ImportRun, author: User, now: datetime, notes: Sequence[Note]) -> None:
        """Store notes of leads, which have counted them already."""

    def known(self, lead_ids: Collection[int]) -> set[tuple[int, int]]:
        """Return the notes that earlier imports have stored with these leads, as id and hash of the text."""

    def refusal(self, lead_id: int, count: int, texts: Sequence[str]) -> str:
        """Return why a lead with ``count`` activities, whose row is locked, cannot have more such notes; "" if not."""

    def counted(self, run: ImportRun) -> Combinable:
        """Return an expression: how many notes of a run an outer lead has."""

    def remove(self, run: ImportRun, lead_ids: Collection[int]) -> dict[int, list[str]]:
        """Delete the notes of a run from these leads, whose rows are locked, and return their titles by lead."""


STORES: list[NoteStore] = []  # one, of the app that stores notes


@dataclass
class NoteTaker:
    """Makes the notes of one import, and has them stored. ``author`` signs them; without an author there are none."""

    run: ImportRun
    author: User | None
    now: datetime

    def __post_init__(self) -> None:
        self.title = TITLE.format(self.run.file_name)[:MAX_TITLE]
        self.store = STORES[0]

    def of_row(self, given: Mapping[str, Any]) -> Texts:
        """Return the notes of a converted row, none of them longer than a note may be."""
        if self.author is None:
            return []
        lines = "\n".join(f"{column}: {text}" if column else text for column, text in given.get(REMAINDERS, ()))
        texts: Texts = [("", None, part) for part in _parts(lines)]
        for title, day, text in given.get(NOTES, ()):
            texts += [(showable(title)[:MAX_TITLE], day, part) for part in _parts(text)]
        return texts

    def notes(self, lead_id: int, created_at: datetime, texts: Texts) -> list[Note]:
        """Return the notes of a stored lead: of the day on which it came in, unless they have one of their own."""
        came_in = timezone.localdate(created_at)
        return [
            Note(lead_id, title or self.title, text, date.fromisoformat(day) if day else came_in)
            for title, day, text in texts
        ]

    def add(self, notes: Sequence[Note]) -> None:
        """Store the notes, unless this is a dry run."""
        if notes and self.author and self.run.pk:
            self.store.add(self.run, self.author, self.now, notes)


def _parts(text: str) -> Iterator[str]:
    """Yield a text in parts of at most ``MAX_TEXT`` characters, divided between lines or words where that can be."""
    text = showable(text).strip()
    while len(text) > MAX_TEXT:
        at = max(text.rfind("\n", 1, MAX_TEXT), 0) or max(text.rfind(" ", 1, MAX_TEXT), 0) or MAX_TEXT
        yield text[:at].strip()
        text = text[at:].strip()
    if text:
        yield text


def author_of(name: str, user: User | None, required: bool) -> User | None:
    """Return who signs the notes: the user of that name, else who imports, else the first superuser.

    Raises ``Refused`` where there is no such user, or none at all although one is ``required``.
    """
    if name:
        found = User.objects.filter(username_key=normalized_key(name)).first()
        if found is None:
            raise Refused(f"there is no user {name!r}")
        return found
    author = user or User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if author is None and required:
        raise Refused("nobody can sign the notes of the leads: --user names a user (or --unknown ignore)")
    return author
