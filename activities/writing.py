"""The insert of one activity as explicit SQL, with the update of its lead's count."""

from django.db import connection, transaction
from django.db.models import Model

from activities import limits
from crm_project.db import sql
from crm_project.db.sql import insert_statement, stored_values, written_columns
from leads.models import Lead

# The update locks the lead's row, so that the lead is not deleted meanwhile. ``_count`` checks a lead with many
# activities for the limits.
COUNT = (
    "UPDATE leads_lead SET activity_count = activity_count + 1"
    f" WHERE id = %s AND is_active AND activity_count < {limits.FEW}"
)


def insert(activity: Model, lead_id: int) -> None:
    """Store a new activity of a lead, set its id, and count it at its lead.

    Raises ``Lead.DoesNotExist`` if there is no such active lead, ``LeadFull`` if it cannot have one more. PostgreSQL
    does both in one round trip if the lead has few activities.
    """
    columns = written_columns(type(activity))
    values = stored_values(activity, columns)
    if sql.VENDOR == "postgresql":
        statement = insert_statement("activities_activity", columns, "lead")
        both = f"WITH lead AS ({COUNT} RETURNING id) {statement} RETURNING id"
        if found := sql.fetch(both, [lead_id, *values]):
            activity.pk = found[0][0]
    if activity.pk is None:
        with transaction.atomic():
            _count(activity, lead_id)
            activity.pk = sql.insert(insert_statement("activities_activity", columns), values)
    activity._state.adding, activity._state.db = False, connection.alias


def _count(activity: Model, lead_id: int) -> None:
    """Count a new activity at its lead, which locks the lead's row. Raises ``LeadFull`` and ``Lead.DoesNotExist``."""
    if sql.VENDOR != "postgresql" and sql.fetch(f"{COUNT} RETURNING id", [lead_id]):
        return
    count = Lead.objects.count_activities(lead_id, 1)
    if not count:
        raise Lead.DoesNotExist
    limits.check([lead_id], count - 1, [vars(activity)])
