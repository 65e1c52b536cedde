"""Merging leads with all that hangs on them."""

from django.db import transaction

from activities import limits
from activities.models import Activity
from leads import merging
from leads.merging import Plan
from leads.models import Lead
from users.actors import Actor


def merge(plan: Plan, by: Actor) -> Lead:
    """Merge leads as planned, all or nothing; returns the survivor, which has everybody's activities.

    A constant number of statements. Raises ``merging.NotMerged``, also where the survivor could not have so many.
    """
    with transaction.atomic():
        leads = merging.locked(plan)  # whoever logs an activity of one of them now waits, and then finds it deleted
        _check_room(leads)
        Activity.objects.of_leads(plan.others).update(lead_id=plan.survivor)
        return merging.fold(plan, leads, by)


def _check_room(leads: merging.Leads) -> None:
    """Refuse activities of several leads that are too much for one."""
    having = {pk: lead.activity_count for pk, lead in leads.items() if lead.activity_count}
    try:
        if len(having) > 1:
            limits.check(having, sum(having.values()))
    except limits.LeadFull as full:
        raise merging.NotMerged(f"Nothing was merged. {full}.") from None
