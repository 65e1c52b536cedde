"""Stores the notes that an import of leads makes of what fills no field."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db.models import Count, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from activities import limits
from activities.importing.run import COLUMNS
from activities.models import Activity
from crm_project.db import bulk
from leads.importing.notes import STORES, Note
from leads.models import ImportRun
from users.audit import Channel
from users.models import User

NOTE = "note"  # the type of these activities


class ActivityNotes:
    """Stores notes as activities, and counts them on their leads."""

    def add(self, run: ImportRun, author: User, now: datetime, notes: Sequence[Note]) -> None:
        """Store notes of leads, which have counted them already."""
        common = {
            "activity_type": NOTE,
            "duration": None,
            "user_id": author.pk,
            "user_name": author.name,
            "channel": Channel.IMPORT.value,
            "program": None,
            "import_run_id": run.pk,
            "created_at": now,
        }
        with bulk.writer(Activity, COLUMNS) as write:
            for note in notes:
                own = {"lead_id": note.lead_id, "title": note.title, "notes": note.text, "activity_date": note.day}
                row = {**common, **own}
                write([row[column] for column in COLUMNS])

    def known(self, lead_ids: Collection[int]) -> set[tuple[int, int]]:
        """Return the notes that imports have stored with these leads, as id and hash of the text."""
        notes = Activity.objects.of_leads(list(lead_ids)).filter(import_run__isnull=False)
        return {(lead_id, hash(text)) for lead_id, text in notes.order_by().values_list("lead_id", "notes").iterator()}

    def refusal(self, lead_id: int, count: int, texts: Sequence[str]) -> str:
        """Return why a lead with ``count`` activities, whose row is locked, cannot have more such notes; "" if not."""
        try:
            limits.check([lead_id], count, [{"title": "", "notes": text} for text in texts])
        except limits.LeadFull as full:
            return str(full)
        return ""

    def counted(self, run: ImportRun) -> Combinable:
        """Return an expression: how many notes of a run an outer lead has."""
        # Without the type, whose index SQLite would walk for each lead.
        own = Activity.objects.filter(lead=OuterRef("pk"), import_run=run)
        counts = own.order_by().values("lead").annotate(count=Count("pk")).values("count")
        return Coalesce(Subquery(counts), 0)

    def remove(self, run: ImportRun, lead_ids: Collection[int]) -> dict[int, list[str]]:
        """Delete the notes of a run from these leads, whose rows are locked, and return their titles by lead."""
        notes = Activity.objects.of_leads(list(lead_ids)).filter(import_run=run)
        titles: dict[int, list[str]] = {}
        for note in notes.order_by("pk").defer("notes"):
            titles.setdefault(note.lead_id, []).append(str(note))
        notes.delete()
        return titles


STORES.append(ActivityNotes())
