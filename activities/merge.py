"""Merging leads with everything that belongs to them."""

from django.db import transaction

from activities import limits
from activities.follow_ups.querysets import MAX_FOLLOW_UPS, TOO_MANY
from activities.models import Activity, FollowUp
from leads import merge as lead_merge
from leads.merge import Plan
from leads.models import Lead
from users.audit import Actor


def merge(plan: Plan, actor: Actor) -> Lead:
    """Merge leads as planned, all or nothing; returns the survivor, which has everybody's activities and follow-ups.

    A constant number of statements. Raises ``MergeRejected``, also where the survivor could not have so many.
    """
    with transaction.atomic():
        leads = lead_merge.lock_leads(plan)  # logging an activity of one now waits, then finds it deleted
        _check_room(leads)
        Activity.objects.of_leads(plan.others).update(lead_id=plan.survivor)
        FollowUp.objects.of_leads(plan.others).update(lead_id=plan.survivor)
        return lead_merge.apply_merge(plan, leads, actor)


def _check_room(leads: lead_merge.Leads) -> None:
    """Refuse activities or follow-ups of several leads that are too much for one."""
    having = {pk: lead.activity_count for pk, lead in leads.items() if lead.activity_count}
    try:
        if len(having) > 1:
            limits.check(having, sum(having.values()))
    except limits.LeadFull as full:
        raise lead_merge.MergeRejected(f"Nothing was merged. {full}.") from None
    if FollowUp.objects.of_leads(list(leads)).count() > MAX_FOLLOW_UPS:
        raise lead_merge.MergeRejected(f"Nothing was merged. {TOO_MANY}.")
