"""Changing and deleting an activity. The lead's count remains exact, and its history has the earlier values."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from activities import limits
from activities.history import ACTIVITY_ID
from activities.models import Activity
from activities.validators import CREATE_RULES
from leads import audit
from leads.audit import Kind
from leads.models import Lead
from users.audit import Actor


def change_activity(activity_id: int, clean: Mapping[str, Any], actor: Actor) -> Activity:
    """Write the given fields of an activity of an active lead, and return it. Nothing is written if no value differs.

    Raises ``Activity.DoesNotExist``, and ``LeadFull`` if the lead cannot have so much text.
    """
    with transaction.atomic():
        activity = _lock(activity_id)
        changes = audit.diff(vars(activity), clean)
        if not changes:
            return activity
        for name, value in clean.items():
            setattr(activity, name, value)
        activity.save(update_fields=list(changes))
        lead = Lead.objects.get(pk=activity.lead_id)
        limits.check([lead.pk], lead.activity_count)
        # Sets the lead's change_time, because the day of its last activity may have changed.
        Lead.objects.filter(pk=lead.pk).update(activity_count=F("activity_count"))
        _log(activity, changes, Kind.ACTIVITY_CHANGED, actor, [activity.pk, activity.pk])
    return activity


def delete_activity(activity_id: int, actor: Actor) -> None:
    """Delete an activity of an active lead, and subtract it from the lead's count. Raises ``Activity.DoesNotExist``."""
    with transaction.atomic():
        activity = _lock(activity_id)
        changes: audit.Changes = {name: [getattr(activity, name), None] for name in CREATE_RULES}
        _log(activity, changes, Kind.ACTIVITY_DELETED, actor, [activity.pk, None])
        Activity.objects.filter(pk=activity_id).delete()
        Lead.objects.filter(pk=activity.lead_id).update(activity_count=F("activity_count") - 1)


def _lock(activity_id: int) -> Activity:
    """Lock the row of the activity's lead, and return the activity. Repeats if a merge moved it to another lead."""
    while True:
        activity = Activity.objects.of_active_leads().get(pk=activity_id)
        locked = Lead.objects.active().filter(pk=activity.lead_id).select_for_update().exists()
        if locked and (again := Activity.objects.filter(pk=activity_id, lead_id=activity.lead_id).first()):
            return again


def _log(activity: Activity, changes: audit.Changes, kind: Kind, actor: Actor, ids: list[int | None]) -> None:
    audit.log_changes({activity.lead_id: {ACTIVITY_ID: ids, **changes}}, actor, kind, timezone.now())
