"""The write of one activity as an explicit statement, together with its lead's count."""

from typing import TYPE_CHECKING

from django.db import connection, transaction

from crm_project import hot
from leads.models import Lead
from leads.writing import columns_of, insertion, stored

if TYPE_CHECKING:
    from activities.models import Activity

# Counting locks the lead's row, so that writers of one lead queue up and nobody deletes it meanwhile.
COUNT = "UPDATE leads_lead SET activity_count = activity_count + 1 WHERE id = %s AND is_active"


def insert(activity: "Activity") -> None:
    """Store a new activity, complete but for its id, which it is given, and count it at its lead.

    Raises ``Lead.DoesNotExist`` where there is no such active lead. PostgreSQL does both in one round trip.
    """
    if hot.VENDOR == "postgresql":
        columns = columns_of(type(activity))
        both = f"WITH lead AS ({COUNT} RETURNING id) {insertion('activities_activity', columns, 'lead')} RETURNING id"
        found = hot.fetch(both, [activity.lead_id, *stored(activity, columns)])
        if not found:
            raise Lead.DoesNotExist
        activity.pk = found[0][0]
        activity._state.adding, activity._state.db = False, connection.alias
        return
    with transaction.atomic():
        if not Lead.objects.count_activities(activity.lead_id, 1):
            raise Lead.DoesNotExist
        activity.save(force_insert=True)
