"""Edits of many leads that one user made at one moment, and their undoing."""

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
COLUMNS = ("closed_at", "version", "updated_at", "source_key", "tag_keys")  # that follow from others


class BulkEdit(NamedTuple):
    """The entries of the history from ``first`` to ``last`` that have the user and the time of ``first``."""

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
    """Give the leads of an edit of ``actor`` their values back; return how many, and how many were left.

    A lead is left if one of the values was changed since. All or nothing, ``BATCH`` leads at a time.
    """
    now, restored, left = timezone.now(), 0, 0
    entries = LeadChange.objects.filter(pk__lte=edit.last, user=actor.user_id).order_by("pk")
    with transaction.atomic():
        first = entries.filter(pk=edit.first).first()
        if first is None:
            return 0, 0
        entries, place = entries.filter(at=first.at), edit.first
        while batch := list(entries.filter(pk__gte=place)[:BATCH]):
            place = batch[-1].pk + 1
            done = _undo(batch, actor, now)
            restored, left = restored + done, left + len(batch) - done
    return restored, left


def _undo(entries: Sequence[LeadChange], actor: Actor, now: datetime) -> int:
    # Locked in the order of their ids, so that two who lock many do not deadlock.
    ids = [entry.lead_id for entry in entries]
    leads = {lead.pk: lead for lead in Lead.objects.filter(pk__in=ids).select_for_update().order_by("pk")}
    closings = _closings(entries)
    changes: dict[int, audit.Changes] = {}
    changed, columns = [], {*COLUMNS}
    for entry in entries:
        lead, own = leads[entry.lead_id], {name: old for name, (old, _) in entry.changes.items()}
        if any(getattr(lead, name, None) != new for name, (_, new) in entry.changes.items()):
            continue
        changes[lead.pk] = audit.diff(vars(lead), own)
        apply_change(lead, own, now)
        if lead.status == validators.CLOSED and "status" in own:
            lead.closed_at = closings.get(lead.pk, lead.created_at)
        changed.append(lead)
        columns.update(own)
    bulk.update(Lead, changed, sorted(columns))
    for kind in {audit.kind_of_change(change) for change in changes.values()}:
        audit.log_changes({pk: c for pk, c in changes.items() if audit.kind_of_change(c) == kind}, actor, kind, now)
    return len(changed)


def _closings(entries: Sequence[LeadChange]) -> dict[int, datetime]:
    """When the leads that were closed before became so, by id: by the latest entry that says so."""
    ids: list[Any] = [entry.lead_id for entry in entries if entry.changes.get("status", ("",))[0] == validators.CLOSED]
    if not ids:
        return {}
    closed = LeadChange.objects.filter(lead_id__in=ids, pk__lt=entries[0].pk, changes__status__1=validators.CLOSED)
    return dict(closed.order_by("lead_id").values_list("lead_id").annotate(at=Max("at")))
