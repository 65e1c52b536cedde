"""The SQL of each filter of the list of leads (``leads/filters.py``); a test compares it with the queryset methods."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection
from django.utils import timezone

from crm_project.db import sql
from crm_project.db.change_time import from_microseconds
from leads.consents import REVOKED, latest_sql
from leads.filters import NONE, START
from leads.queries import DUE, first_of_last, midnight
from leads.sql import Condition, search_condition
from leads.validators import CLOSED_STATUSES

MODIFIERS = frozenset(("deleted", "tz"))  # change what the others mean
# Leads that were last written before a time, with an activity after one day and until another one.
ARRIVED = (
    "SELECT DISTINCT activity.lead_id FROM activities_activity AS activity"
    " JOIN leads_lead AS lead ON lead.id = activity.lead_id AND lead.change_time < %s"
    " WHERE activity.activity_date > %s AND activity.activity_date <= %s"
)
OPEN_FOLLOW_UP = (
    "SELECT 1 FROM activities_followup AS follow_up"
    " WHERE follow_up.lead_id = leads_lead.id AND follow_up.done_at IS NULL"
)


def conditions(filters: Mapping[str, Any]) -> list[Condition]:
    """The SQL of all filters but ``MODIFIERS``, of checked values."""
    given = {name: value for name, value in filters.items() if value is not None and name not in MODIFIERS}
    if given.get("updated_since") == START:
        del given["updated_since"]
    return [CONDITIONS[name](value) for name, value in given.items()]


def _adapt(time: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(time)


def _compare(comparison: str) -> Callable[[Any], Condition]:
    return lambda value: (f"{comparison} %s", [_adapt(value) if isinstance(value, datetime) else value])


def _among(column: str) -> Callable[[Sequence[Any]], Condition]:
    return partial(sql.among, column)


def _any_of(condition: Callable[[Any], Condition]) -> Callable[[Sequence[Any]], Condition]:
    def any_of(values: Sequence[Any]) -> Condition:
        if len(values) == 1:  # the planner estimates a single condition better
            return condition(values[0])
        conditions = [condition(value) for value in values]
        return f"({' OR '.join(f'({where})' for where, _ in conditions)})", [
            one for _, given in conditions for one in given
        ]

    return any_of


def _open(is_open: bool) -> Condition:
    return f"status {'NOT ' * is_open}IN (%s, %s)", list(CLOSED_STATUSES)


def _inactive_days(days: int) -> Condition:
    first = first_of_last(days)
    activity = "SELECT 1 FROM activities_activity AS activity WHERE activity.lead_id = leads_lead.id"
    within = "activity.activity_date >= %s AND activity.activity_date <= %s"  # not in the future
    bounds = [connection.ops.adapt_datefield_value(day) for day in (first, timezone.localdate())]
    return f"created_at < %s AND NOT EXISTS ({activity} AND {within})", [_adapt(midnight(first)), *bounds]


def _changed_since(time: int) -> Condition:
    """Return the condition for leads written since, or with an activity that was in the future then and is not now."""
    then, today = timezone.localdate(from_microseconds(time)), timezone.localdate()
    if then >= today:
        return "change_time >= %s", [time]
    days = [connection.ops.adapt_datefield_value(day) for day in (then, today)]
    arrived = [number for (number,) in sql.fetch_once(ARRIVED, [time, *days])]
    among, values = sql.among("leads_lead.id", arrived)
    return f"(change_time >= %s OR {among})", [time, *values]


def _created_by(user: int | str) -> Condition:
    """Return the condition for the authors of a user. It has their ids, for which PostgreSQL has statistics."""
    if user == NONE:
        no_user = [number for (number,) in sql.fetch("SELECT id FROM leads_author WHERE user_id IS NULL", [])]
        among, values = sql.among("created_by_id", no_user)
        return f"(created_by_id IS NULL OR {among})", values
    authors = [number for (number,) in sql.fetch("SELECT id FROM leads_author WHERE user_id = %s", [user])]
    return _among("created_by_id")(authors)


def _due(when: str) -> Condition:
    """Return the condition for leads whose next follow-up is due in the period."""
    if when == NONE:
        where, values = _open(True)
        return f"{where} AND NOT EXISTS ({OPEN_FOLLOW_UP})", values
    first, end = (day and connection.ops.adapt_datefield_value(day) for day in DUE[when](timezone.localdate()))
    due = "SELECT follow_up.lead_id FROM activities_followup AS follow_up WHERE follow_up.done_at IS NULL"
    if first is None:
        return f"leads_lead.id IN ({due} AND follow_up.due_on < %s)", [end]
    where = f"leads_lead.id IN ({due} AND follow_up.due_on >= %s AND follow_up.due_on < %s)"
    return f"{where} AND NOT EXISTS ({OPEN_FOLLOW_UP} AND follow_up.due_on < %s)", [first, end, first]


def _owner(user: int | str) -> Condition:
    return ("owner_id IS NULL", []) if user == NONE else ("owner_id = %s", [user])


def _contactable(way: str) -> Condition:
    address = "email" if way == "email" else "phone"
    return f"NOT ({address} = '') AND coalesce({latest_sql(way)}, '') <> '{REVOKED}'", []


def _tags(tags: Sequence[str]) -> Condition:
    """Return the condition for all tags. It begins with the condition of the indexes, so that these are used."""
    contains = f"tag_keys {connection.operators['contains']}"  # type: ignore[attr-defined]
    patterns = [f"%,{connection.ops.prep_for_like_query(tag)},%" for tag in tags]
    return " AND ".join(["NOT (tag_keys = '')", *[contains] * len(tags)]), patterns


CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "q": search_condition,
    "status": _among("status"),
    "source": _among("source_key"),
    "min_budget": _compare("COALESCE(budget_max, budget_min) >="),
    "max_budget": _compare("COALESCE(budget_min, budget_max) <="),
    "id": _among("id"),
    "created_from": _compare("created_at >="),
    "created_to": _compare("created_at <"),
    "closed_from": _compare("closed_at >="),
    "closed_to": _compare("closed_at <"),
    "updated_since": _changed_since,
    "open": _open,
    "inactive_days": _inactive_days,
    "created_by": _any_of(_created_by),
    "owner": _any_of(_owner),
    "tag": _tags,
    "due": _any_of(_due),
    "contactable": _any_of(_contactable),
}
