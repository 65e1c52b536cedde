"""The write of one activity as an explicit statement, together with its lead's count."""

from typing import TYPE_CHECKING

from django.db import connection, transaction

from crm_project.db import sql
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
    columns = columns_of(type(activity))
    values = stored(activity, columns)
    if sql.VENDOR == "postgresql":
        both = f"WITH lead AS ({COUNT} RETURNING id) {insertion('activities_activity', columns, 'lead')} RETURNING id"
        found = sql.fetch(both, [activity.lead_id, *values])
        if not found:
            raise Lead.DoesNotExist
        activity.pk = found[0][0]
    else:
        with transaction.atomic():
            if not sql.fetch(f"{COUNT} RETURNING id", [activity.lead_id]):
                raise Lead.DoesNotExist
            activity.pk = sql.insert(insertion("activities_activity", columns), values)
    activity._state.adding, activity._state.db = False, connection.alias
