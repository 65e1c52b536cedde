"""Merging leads with all that hangs on them."""

from django.db import transaction

from activities.models import Activity
from leads import merging
from leads.merging import Plan
from leads.models import Lead
from users.actors import Actor


def merge(plan: Plan, by: Actor) -> Lead:
    """Merge leads as planned, all or nothing; returns the survivor, which has everybody's activities.

    A constant number of statements. Raises ``merging.NotMerged``.
    """
    with transaction.atomic():
        leads = merging.locked(plan)  # whoever logs an activity of one of them now waits, and then finds it deleted
        Activity.objects.of_leads(plan.others).update(lead_id=plan.survivor)
        return merging.fold(plan, leads, by)
