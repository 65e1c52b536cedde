"""Undoing an import: leads that it created are deleted softly, leads that it changed get their earlier values.

Only where nobody touched the lead since; the others are left as they are and listed, and may be tried again later. What
an undo writes is no touch: undone in the reverse of their order, imports of the same leads all come off.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from crm_project.db import bulk
from crm_project.db.direct import direct_connection
from leads import audit
from leads.audit import Kind
from leads.importing import runs
from leads.importing.notes import STORES
from leads.importing.stats import Refused
from leads.importing.upsert_writer import CHANGED, OWN_FIELDS
from leads.models import Consent, ImportRun, ImportUpdate, Lead
from leads.querysets import apply_change
from users.audit import Actor

BATCH = 2000
COUNTS = frozenset(("deleted", "restored", "activities", "follow_ups"))  # of leads, and of what was deleted
MAX_LISTED = 1000  # ids of leads left alone that the run's own report lists, of those created and of those updated
EDITED, ACTIVITIES, DELETED = "edited since", "activities were logged", "deleted since"
FOLLOW_UPS, CONSENT = "follow-ups were planned", "consent was recorded"

Report = dict[str, Any]
TakeBack = Callable[[ImportRun, Actor, datetime], Report]


def undo(run_id: int, actor: Actor) -> ImportRun:
    """Undo a run in one transaction and record it in ``undo_report``; what it left alone before, it tries again.

    The report counts what was ``deleted``, ``restored`` and so on (``COUNTS``, in all) and what is ``left``;
    ``left_created`` and ``left_updated`` list leads, ``why`` has their reasons by id and ``reasons`` counts those.
    ``gone`` are leads that somebody else deleted. Raises ``Refused`` for a run that does not exist, stored nothing, or
    has nothing (more) that can be taken back.
    """
    with direct_connection(), transaction.atomic():
        runs.wait_for_lock()
        run = ImportRun.objects.select_for_update().filter(pk=run_id).first()
        if run is None:
            raise Refused(f"there is no import run {run_id}")
        take_back = _undo_function(run)
        earlier, report = run.undo_report, take_back(run, actor, timezone.now())
        if report["left"] and not any(report.get(count) for count in COUNTS):
            more, reasons = " more" if earlier else "", as_lines(report["reasons"])
            raise Refused(
                f"nothing{more} of run {run_id} can be taken back: the {report['left']:,} leads that are left were "
                f"changed since ({reasons})"
            )
        for count in COUNTS & report.keys():
            report[count] += earlier.get(count, 0)
        run.state, run.undone_at, run.undone_by = ImportRun.State.UNDONE, timezone.now(), actor.name[:150]
        run.undone_by_user_id, run.undo_report = actor.user_id, report
        run.save(update_fields=["state", "undone_at", "undone_by", "undone_by_user", "undo_report"])
    return run


def _undo_function(run: ImportRun) -> TakeBack:
    """Return the function that undoes this run; raise ``Refused`` if there is nothing to undo."""
    if run.state == ImportRun.State.UNDONE and not run.undo_report.get("left"):
        raise Refused(f"run {run.pk} was undone already, on {run.undone_at:%Y-%m-%d %H:%M} UTC by {run.undone_by}")
    if run.state not in (ImportRun.State.DONE, ImportRun.State.UNDONE):
        raise Refused(f"run {run.pk} ({runs.state_of(run)}) stored nothing, so there is nothing to undo")
    if run.kind not in TAKING_BACK:
        raise Refused(f"run {run.pk} is of another kind ({run.kind}); it cannot be undone")
    return TAKING_BACK[run.kind]


def as_lines(reasons: Mapping[str, int]) -> str:
    """Return why leads were left unchanged, in words."""
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())


class NotUndone:
    """Counts leads that are left unchanged by reason, and lists the first ones."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.first: dict[int, str] = {}

    def add(self, lead_id: int, reason: str) -> None:
        """Count one lead."""
        self.reasons[reason] += 1
        if len(self.first) < MAX_LISTED:
            self.first[lead_id] = reason


def _take_back(run: ImportRun, actor: Actor, now: datetime) -> Report:
    restored, notes, updated = _restore(run, actor, now)
    deleted = _delete(run, actor, now)
    created = _left_of_created(run)
    reasons = created.reasons + updated.reasons
    return {
        "deleted": deleted,
        "restored": restored,
        "activities": notes,
        "left": reasons.total(),
        "gone": run.created - deleted - run.undo_report.get("deleted", 0) - created.reasons.total(),
        "reasons": dict(reasons),
        "why": {str(lead_id): reason for lead_id, reason in {**created.first, **updated.first}.items()},
        "left_created": list(created.first),
        "left_updated": list(updated.first),
    }


def _delete(run: ImportRun, actor: Actor, now: datetime) -> int:
    """Delete, softly, the leads a run created and nobody touched; returns how many."""
    created = Lead.objects.filter(import_run=run)
    deleted = created.filter(_untouched(run)).update(is_active=False, version=F("version") + 1, updated_at=now)
    gone = created.filter(is_active=False, updated_at=now)
    audit.log_changes_for_all(gone, audit.same_diff({"is_active": [True, False]}), actor, Kind.UNDONE, now, run.pk)
    return deleted


def _untouched(run: ImportRun) -> Q:
    """Return the condition that a lead is active, as the run left it, and without follow-ups, recorded consents, and
    activities other than the run's notes. It is at version 1, unless a later row of the run changed it.
    """
    own = ImportUpdate.objects.filter(run=run, lead=OuterRef("pk"))
    as_left = Q(version=1) & ~Exists(own) | Exists(own.filter(version=OuterRef("version")))
    without_others = Q(activity_count=0) | Q(activity_count=STORES[0].counted(run))
    planned = Lead.objects.has_related("follow_ups")
    return Q(is_active=True) & without_others & Q(~planned) & Q(~_has_consents(run)) & as_left


def _has_consents(run: ImportRun) -> Exists:
    """Return whether somebody has recorded consent of a lead. The import's own consent is deleted with the lead."""
    return Exists(Consent.objects.filter(lead=OuterRef("pk")).exclude(import_run=run))


def _left_of_created(run: ImportRun) -> NotUndone:
    left = NotUndone()
    others = F("activity_count") - STORES[0].counted(run)
    created = Lead.objects.filter(import_run=run, is_active=True).order_by("pk")
    columns = (others, Lead.objects.has_related("follow_ups"), _has_consents(run))
    for lead_id, count, planned, recorded in created.values_list("pk", *columns).iterator(BATCH):
        reason = FOLLOW_UPS if planned else CONSENT if recorded else EDITED
        left.add(lead_id, ACTIVITIES if count else reason)
    return left


def _restore(run: ImportRun, actor: Actor, now: datetime) -> tuple[int, int, NotUndone]:
    """Give updated leads their values back; returns how many, how many notes were deleted, and what was left."""
    restored, deleted, last, left = 0, 0, 0, NotUndone()
    updates = ImportUpdate.objects.filter(run=run).exclude(lead__import_run=run).order_by("lead_id")
    while batch := list(updates.filter(lead_id__gt=last)[:BATCH]):
        last = batch[-1].lead_id
        leads = Lead.objects.select_for_update().in_bulk([update.lead_id for update in batch])
        given_back, changes = [], {}
        for update in batch:
            lead = leads[update.lead_id]
            if lead.version != update.version:
                left.add(lead.pk, EDITED if lead.is_active else DELETED)
                continue
            changes[lead.pk] = _set_back(lead, update.before, now)
            given_back.append((update, lead))
        bulk.update(Lead, [lead for _, lead in given_back], CHANGED)
        notes = STORES[0].remove(run, [lead.pk for _, lead in given_back])
        for lead_id, titles in notes.items():
            changes[lead_id] = {**changes[lead_id], "activities": [titles, []]}
        Lead.objects.count_many_activities({lead_id: -len(titles) for lead_id, titles in notes.items()})
        deleted += sum(map(len, notes.values()))
        audit.log_changes(changes, actor, Kind.UNDONE, now, run.pk)
        _hand_back(given_back)
        restored += len(given_back)
    return restored, deleted, left


def _set_back(lead: Lead, before: dict[str, Any], now: datetime) -> audit.Changes:
    """Give a lead the values it had ``before``; returns what that changes."""
    own = {name: before[name] for name in OWN_FIELDS if name in before}  # a field may be younger than the import
    changes = audit.diff(vars(lead), own)
    apply_change(lead, own, now)
    lead.closed_at = datetime.fromisoformat(before["closed_at"]) if before["closed_at"] else None
    return changes


def _hand_back(given_back: Collection[tuple[ImportUpdate, Lead]]) -> None:
    """Let earlier imports of these leads find them as they left them, at the version of now; forget this one's writes.

    An import that updated a lead has a record of its version; for one that created it, there may be none yet.
    """
    found = {lead.pk: (update.before.get("version"), lead) for update, lead in given_back}
    ImportUpdate.objects.filter(pk__in=[update.pk for update, _ in given_back]).delete()
    moved = []
    for earlier in ImportUpdate.objects.filter(lead_id__in=found):
        version, lead = found[earlier.lead_id]
        if earlier.version == version:
            earlier.version = lead.version
            moved.append(earlier)
    bulk.update(ImportUpdate, moved, ["version"])
    created = [
        ImportUpdate(run_id=lead.import_run_id, lead=lead, version=lead.version, before={})
        for version, lead in found.values()
        if version == 1 and lead.import_run_id is not None
    ]
    ImportUpdate.objects.bulk_create(created, batch_size=500, ignore_conflicts=True)


TAKING_BACK: dict[str, TakeBack] = {"leads": _take_back}  # by the kind of the run; apps above this one add theirs
