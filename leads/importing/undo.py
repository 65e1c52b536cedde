"""Taking an import back: what it created is softly deleted, what it wrote over gets its earlier values again.

Only where nobody touched the lead since; the others are left as they are and listed.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from leads.importing import accounts, load
from leads.importing.tally import Refused
from leads.importing.write import CHANGED, OWN_FIELDS
from leads.models import ImportRun, ImportUpdate, Lead
from leads.querysets import apply_change

BATCH = 2000
MOST_LISTED = 1000  # ids of leads left alone that the run's own report lists


def undo(run_id: int, by: str) -> ImportRun:
    """Undo a run in one transaction and record it in ``undo_report``: counts, and the ids of what was left alone.

    Raises ``Refused`` for a run that does not exist, stored nothing, or was undone before.
    """
    with transaction.atomic():
        accounts.take_turn()
        run = ImportRun.objects.select_for_update().filter(pk=run_id).first()
        if run is None:
            raise Refused(f"there is no import run {run_id}")
        if run.state == ImportRun.State.UNDONE:
            raise Refused(f"run {run_id} was undone already, on {run.undone_at:%Y-%m-%d %H:%M} UTC by {run.undone_by}")
        if run.kind != "leads":
            raise Refused(f"run {run_id} is not an import of leads ({run.kind}); only those can be undone")
        if run.state != ImportRun.State.DONE:
            raise Refused(f"run {run_id} ({accounts.state_of(run)}) stored no leads, so there is nothing to undo")
        report = _take_back(run, timezone.now())
        if report["left"] and not report["deleted"] + report["restored"]:
            raise Refused(f"nothing of run {run_id} can be taken back: all {report['left']:,} leads were changed since")
        run.state, run.undone_at, run.undone_by, run.undo_report = ImportRun.State.UNDONE, timezone.now(), by, report
        run.save(update_fields=["state", "undone_at", "undone_by", "undo_report"])
    return run


def _take_back(run: ImportRun, now: datetime) -> dict[str, Any]:
    restored, left_updated = _restore(run, now)
    created = Lead.objects.filter(import_run=run)
    deleted = created.filter(_untouched(run)).update(is_active=False, version=F("version") + 1, updated_at=now)
    left = created.exclude(is_active=False, updated_at=now)
    left_created = list(left.order_by("pk").values_list("pk", flat=True)[:MOST_LISTED])
    return {
        "deleted": deleted,
        "restored": restored,
        "left": run.created - deleted + len(left_updated),
        "left_created": left_created,
        "left_updated": left_updated[:MOST_LISTED],
    }


def _untouched(run: ImportRun) -> Q:
    """Active, without activities, and at the version the run left behind: 1, unless it wrote over its own rows."""
    own = ImportUpdate.objects.filter(run=run, lead=OuterRef("pk"))
    as_left = Q(version=1) & ~Exists(own) | Exists(own.filter(version=OuterRef("version")))
    return Q(is_active=True, activity_count=0) & as_left


def _restore(run: ImportRun, now: datetime) -> tuple[int, list[int]]:
    """Give updated leads their values back; returns how many, and the ids of those changed since."""
    restored, left, last = 0, [], 0
    updates = ImportUpdate.objects.filter(run=run).exclude(lead__import_run=run).order_by("lead_id")
    while batch := list(updates.filter(lead_id__gt=last)[:BATCH]):
        last = batch[-1].lead_id
        leads = Lead.objects.select_for_update().in_bulk([update.lead_id for update in batch])
        given_back = []
        for update in batch:
            lead = leads[update.lead_id]
            if lead.version != update.version:
                left.append(lead.pk)
                continue
            apply_change(lead, {name: update.before[name] for name in OWN_FIELDS}, now)
            closed_at = update.before["closed_at"]
            lead.closed_at = datetime.fromisoformat(closed_at) if closed_at else None
            given_back.append(lead)
        load.update(Lead, given_back, CHANGED)
        restored += len(given_back)
    return restored, left
