"""The write of one activity as an explicit statement, together with its lead's count."""

from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from leads.models import Lead

if TYPE_CHECKING:
    from activities.models import Activity

# Counting locks the lead's row, so that writers of one lead queue up and nobody deletes it meanwhile.
COUNT = "UPDATE leads_lead SET activity_count = activity_count + 1 WHERE id = %s AND is_active"


def insert(activity: "Activity") -> None:
    """Store a new activity, complete but for its id, which it is given, and count it at its lead.

    Raises ``Lead.DoesNotExist`` where there is no such active lead. PostgreSQL does both in one round trip.
    """
    columns = _columns(type(activity))
    values = [_stored(activity, name) for name in columns]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_both(columns), [activity.lead_id, *values])
            found = cursor.fetchone()
        if not found:
            raise Lead.DoesNotExist
        activity.pk = found[0]
        activity._state.adding, activity._state.db = False, connection.alias
        return
    with transaction.atomic():
        if not Lead.objects.count_activities(activity.lead_id, 1):
            raise Lead.DoesNotExist
        activity.save(force_insert=True)


def _stored(activity: "Activity", name: str) -> Any:
    field = activity._meta.get_field(name)
    return field.get_db_prep_save(getattr(activity, name), connection)  # type: ignore[union-attr]


@cache
def _columns(model: type["Activity"]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _both(columns: tuple[str, ...]) -> str:
    quoted, places = ", ".join(f'"{name}"' for name in columns), ", ".join(["%s"] * len(columns))
    insert = f"INSERT INTO activities_activity ({quoted}) SELECT {places} FROM lead RETURNING id"
    return f"WITH lead AS ({COUNT} RETURNING id) {insert}"
