"""Edits of many leads by one user in one request, and undoing them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from crm_project.db import bulk
from leads import audit, validators
from leads.models import Lead, LeadChange
from leads.querysets import apply_change
from users.audit import Actor

BATCH = 1000  # leads read and written at a time
COLUMNS = ("closed_at", "version", "updated_at", "source_key", "tag_keys")  # computed from other columns


class BulkEdit(NamedTuple):
    """An edit of many leads: the ids of its first and last entry in the history. All have one user and one time."""

    first: int
    last: int

    @classmethod
    def since(cls, before: int, actor: Actor) -> Self | None:
        """Return the edit that ``actor`` has just made, after the entry ``before``; ``None`` if it changed nothing."""
        entries = LeadChange.objects.filter(pk__gt=before, user=actor.user_id)
        newest = entries.order_by("-pk").first()
        if newest is None:
            return None
        first = entries.filter(at=newest.at).order_by("pk").values_list("pk", flat=True)[0]
        return cls(first, newest.pk)


def last_entry() -> int:
    """Return the id of the newest entry of the history; 0 if there is none."""
    return LeadChange.objects.aggregate(last=Max("pk"))["last"] or 0


def undo(edit: BulkEdit, actor: Actor) -> tuple[int, int]:
    """Restore the values before an edit of ``actor``; return how many leads were restored, and how many were skipped.

    A lead is skipped if one of the values was changed since. All or nothing, ``BATCH`` leads at a time.
    """
    now, restored, skipped = timezone.now(), 0, 0
    entries = LeadChange.objects.filter(pk__lte=edit.last, user=actor.user_id).order_by("pk")
    with transaction.atomic():
        first = entries.filter(pk=edit.first).first()
        if first is None:
            return 0, 0
        entries, next_id = entries.filter(at=first.at), edit.first
        while batch := list(entries.filter(pk__gte=next_id)[:BATCH]):
            next_id = batch[-1].pk + 1
            done = _undo(batch, actor, now)
            restored, skipped = restored + done, skipped + len(batch) - done
    return restored, skipped


def _undo(entries: Sequence[LeadChange], actor: Actor, now: datetime) -> int:
    # Locked in the order of their ids, so that two who lock many do not deadlock.
    ids = [entry.lead_id for entry in entries]
    leads = {lead.pk: lead for lead in Lead.objects.filter(pk__in=ids).select_for_update().order_by("pk")}
    closing_times = _closing_times(entries)
    changes: dict[int, audit.Changes] = {}
    changed, columns = [], {*COLUMNS}
    for entry in entries:
        lead, own = leads[entry.lead_id], {name: old for name, (old, _) in entry.changes.items()}
        if any(getattr(lead, name, None) != new for name, (_, new) in entry.changes.items()):
            continue
        changes[lead.pk] = audit.diff(vars(lead), own)
        apply_change(lead, own, now)
        if lead.status == validators.CLOSED and "status" in own:
            lead.closed_at = closing_times.get(lead.pk, lead.created_at)
        changed.append(lead)
        columns.update(own)
    bulk.update(Lead, changed, sorted(columns))
    for kind in {audit.kind_of_change(change) for change in changes.values()}:
        of_kind = {pk: change for pk, change in changes.items() if audit.kind_of_change(change) == kind}
        audit.log_changes(of_kind, actor, kind, now)
    return len(changed)


def _closing_times(entries: Sequence[LeadChange]) -> dict[int, datetime]:
    """Return when the leads that were closed before the edit became so, by the lead's id."""
    ids: list[Any] = [entry.lead_id for entry in entries if entry.changes.get("status", ("",))[0] == validators.CLOSED]
    if not ids:
        return {}
    closed = LeadChange.objects.filter(lead_id__in=ids, pk__lt=entries[0].pk, changes__status__1=validators.CLOSED)
    return dict(closed.order_by("lead_id").values_list("lead_id").annotate(at=Max("at")))
