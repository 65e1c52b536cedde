"""Log an activity, change the status and plan the next follow-up in one transaction."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import transaction

from activities.models import Activity, FollowUp
from leads.models import Lead
from users.audit import Actor
from users.models import User

Row = Mapping[str, Any]  # clean values


class Work(NamedTuple):
    """The result of a call: ``planned`` is the new follow-up, ``done`` the one that was marked done."""

    lead: Lead
    activity: Activity | None
    planned: FollowUp | None
    done: FollowUp | None = None


def log(
    lead_id: int, user: User, actor: Actor, activity: Row | None, status: str | None, follow_up: Row | None
) -> Work:
    """Log an activity with an active lead, give it a status, and plan a follow-up; each if it is given.

    Raises ``Lead.DoesNotExist``, ``LeadFull``, ``TooManyFollowUps``; then nothing is stored.
    """
    with transaction.atomic():
        if not Lead.objects.active().filter(pk=lead_id).select_for_update().exists():
            raise Lead.DoesNotExist
        return _work(lead_id, user, actor, activity, status, follow_up)


def complete(
    follow_up_id: int, user: User, actor: Actor, activity: Row | None, status: str | None, next: Row | None
) -> Work:
    """Mark a follow-up done, and do with its lead what ``log`` does.

    Raises ``FollowUp.DoesNotExist``, ``AlreadyDone``, ``LeadFull``, ``TooManyFollowUps``; then nothing is stored.
    """
    with transaction.atomic():
        lead_id = FollowUp.objects.lock(follow_up_id).lead_id
        work = _work(lead_id, user, actor, activity, status, next)
        activity_id = work.activity.pk if work.activity else None
        return work._replace(done=FollowUp.objects.complete(follow_up_id, activity_id, actor))


def _work(
    lead_id: int, user: User, actor: Actor, activity: Row | None, status: str | None, follow_up: Row | None
) -> Work:
    """Log, change the status and plan, each if it is given. The row of the lead must be locked."""
    logged = None
    if activity is not None:
        (logged,) = Activity.objects.log(lead_id, user, [dict(activity)], actor.channel, actor.program)
    if status is not None:
        Lead.objects.update_lead(lead_id, {"status": status}, actor)
    planned = FollowUp.objects.plan(lead_id, follow_up, actor) if follow_up else None
    return Work(Lead.objects.get(pk=lead_id), logged, planned)
