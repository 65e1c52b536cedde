"""Undoes imports of activities and of follow-ups: all of them are deleted, also those that were changed since."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet

from activities.models import Activity, FollowUp
from leads import audit
from leads.audit import Kind
from leads.importing.stats import Refused
from leads.importing.undo import TAKING_BACK
from leads.models import ImportRun, Lead
from users.audit import Actor

BATCH = 2000
Row = TypeVar("Row", Activity, FollowUp)
NOTHING_LEFT: dict[str, Any] = {"left": 0, "gone": 0, "reasons": {}, "why": {}}


def take_back(run: ImportRun, actor: Actor, now: datetime) -> dict[str, Any]:
    """Delete the activities that a run created, and take them off their leads' counts; the report for ``undo``.

    To be used inside a transaction. Their leads' histories keep what they were. ``Refused`` where it is not known which
    they are.
    """
    deleted, last = 0, 0
    while batch := _next(Activity.objects.filter(import_run=run).defer("notes"), last):
        last = batch[-1].pk
        counts = Counter(activity.lead_id for activity in batch)
        Activity.objects.filter(pk__in=[activity.pk for activity in batch]).delete()
        audit.log_changes(_deletions(batch), actor, Kind.UNDONE, now, run.pk)
        Lead.objects.count_many_activities({lead_id: -count for lead_id, count in counts.items()})
        deleted += len(batch)
    if run.created and not deleted:
        raise Refused(f"the activities of run {run.pk} were imported before runs were recorded with them")
    return {"deleted": 0, "restored": 0, "activities": deleted} | NOTHING_LEFT


def take_back_follow_ups(run: ImportRun, actor: Actor, now: datetime) -> dict[str, Any]:
    """Undo an import of follow-ups, open and done ones."""
    deleted, last = 0, 0
    while batch := _next(FollowUp.objects.filter(import_run=run), last):
        last = batch[-1].pk
        FollowUp.objects.filter(pk__in=[follow_up.pk for follow_up in batch]).delete()
        changes = {lead_id: {"follow_ups": pair["activities"]} for lead_id, pair in _deletions(batch).items()}
        audit.log_changes(changes, actor, Kind.UNDONE, now, run.pk)
        Lead.objects.mark_changed(changes)
        deleted += len(batch)
    return {"deleted": 0, "restored": 0, "activities": 0, "follow_ups": deleted} | NOTHING_LEFT


def _next(rows: QuerySet[Row], last: int) -> list[Row]:
    """Return the next rows of a run after the id ``last``, with the rows of their leads locked.

    A merge locks its leads while it moves their activities and follow-ups. A row that was read before the lock may
    belong to another lead by then, so rows are read again until all their leads are locked.
    """
    rest = rows.filter(pk__gt=last).order_by("pk")
    locked: set[int] = set()
    while True:
        batch = list(rest[:BATCH])
        if not (more := {row.lead_id for row in batch} - locked):
            return batch
        Lead.objects.locked_keys(more)
        locked |= more


def _deletions(activities: Sequence[Activity | FollowUp]) -> dict[int, audit.Changes]:
    """Return what the history stores of deleted activities, by lead."""
    gone: dict[int, list[str]] = {}
    for activity in activities:
        gone.setdefault(activity.lead_id, []).append(str(activity))
    return {lead_id: {"activities": [titles, []]} for lead_id, titles in gone.items()}


TAKING_BACK["activities"] = take_back
TAKING_BACK["follow-ups"] = take_back_follow_ups
