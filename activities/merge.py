"""Merging leads with their activities and follow-ups."""

from django.db import transaction

from activities import limits
from activities.follow_ups.querysets import MAX_FOLLOW_UPS, TOO_MANY
from activities.models import Activity, FollowUp
from leads import merge as lead_merge
from leads.merge import Plan
from leads.models import Lead
from users.audit import Actor


def merge(plan: Plan, actor: Actor) -> Lead:
    """Merge leads as planned, all or nothing, and return the survivor, which gets all activities and follow-ups.

    A constant number of statements. Raises ``MergeRejected``, also if these are too many for one lead.
    """
    with transaction.atomic():
        leads = lead_merge.lock_leads(plan)  # logging an activity with one of them waits, then finds no active lead
        _check_room(leads)
        Activity.objects.of_leads(plan.others).update(lead_id=plan.survivor)
        FollowUp.objects.of_leads(plan.others).update(lead_id=plan.survivor)
        return lead_merge.apply_merge(plan, leads, actor)


def _check_room(leads: lead_merge.Leads) -> None:
    """Raise ``MergeRejected`` if the activities or follow-ups of the leads are too many for one lead."""
    counts = {pk: lead.activity_count for pk, lead in leads.items() if lead.activity_count}
    try:
        if len(counts) > 1:
            limits.check(counts, sum(counts.values()))
    except limits.LeadFull as full:
        raise lead_merge.MergeRejected(f"Nothing was merged. {full}.") from None
    if FollowUp.objects.of_leads(list(leads)).count() > MAX_FOLLOW_UPS:
        raise lead_merge.MergeRejected(f"Nothing was merged. {TOO_MANY}.")
