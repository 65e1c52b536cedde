"""The figures of the dashboard. Soft-deleted leads and their activities are not counted."""

import threading
from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils import timezone

from crm_project.db import sql
from crm_project.http.parameters import start_of
from leads.models import Lead
from leads.validators import CLOSED, PIPELINE

STORED_COUNTS = """
    SELECT status, sum(leads) FILTER (WHERE kind = 'status'), sum(activities),
        sum(leads) FILTER (WHERE kind = 'created'), sum(leads) FILTER (WHERE kind = 'closed')
    FROM leads_leadcount
    WHERE kind = 'status' OR kind = 'created' AND day >= %s OR kind = 'closed' AND day >= %s
    GROUP BY status
"""


class Periods(NamedTuple):
    """The beginnings of "this week" and "this month", in UTC."""

    week: datetime
    month: datetime


class StatusCount(NamedTuple):
    """The active leads of one status, their activities, the leads created this week and closed this month."""

    status: str
    leads: int
    activities: int
    new: int
    closed: int


def periods(now: datetime, zone: tzinfo = UTC) -> Periods:
    """Return midnight seven days ago, and midnight on the first of the month, by the days of ``zone``."""
    today = now.astimezone(zone).date()
    return Periods(week=start_of(today - timedelta(days=7), zone), month=start_of(today.replace(day=1), zone))


def stats(now: datetime | None = None, zone: tzinfo = UTC) -> dict[str, Any]:
    """Return all figures except the recent activities. "This week" and "this month" are those of ``zone``."""
    since = periods(now or timezone.now(), zone)
    counts = in_pipeline_order(stored_counts(since) if sql.VENDOR == "postgresql" else cached_counts(since))
    new, closed = sum(count.new for count in counts), sum(count.closed for count in counts)
    if sql.VENDOR == "postgresql" and zone is not UTC:  # the stored counts are by UTC's days
        new = Lead.objects.active().filter(created_at__gte=since.week).count()
        closed = Lead.objects.active().filter(status=CLOSED, closed_at__gte=since.month).count()
    return {
        "total_leads": sum(count.leads for count in counts),
        "new_leads_this_week": new,
        "closed_leads_this_month": closed,
        "total_activities": sum(count.activities for count in counts),
        "leads_by_status": [{"status": count.status, "count": count.leads} for count in counts if count.leads],
    }


class CountCache(threading.local):
    """The last counts of this thread, and the state of the database at that time."""

    key: tuple[Hashable, Periods] | None = None
    counts: tuple[StatusCount, ...] = ()


cache = CountCache()


def cached_counts(since: Periods) -> Sequence[StatusCount]:
    """Return ``count_leads``, cached until SQLite's file changes; checking that takes microseconds."""
    version: Hashable = connection.data_version()  # type: ignore[attr-defined]
    if version is None:
        return count_leads(since)
    if cache.key != (version, since):
        # The version is read before the counts: a change in between makes the next request count again.
        cache.counts, cache.key = tuple(count_leads(since)), (version, since)
    return cache.counts


def count_leads(since: Periods) -> list[StatusCount]:
    """Return the counts by one query over all active leads."""
    figures = {
        "leads": Count("pk"),
        "activities": Sum("activity_count"),
        "new": Count("pk", filter=Q(created_at__gte=since.week)),
        "closed": Count("pk", filter=Q(status=CLOSED, closed_at__gte=since.month)),
    }
    rows = Lead.objects.active().order_by().values_list("status").annotate(**figures)
    return [StatusCount(*row) for row in rows]


def stored_counts(since: Periods) -> list[StatusCount]:
    """Return the counts that PostgreSQL's triggers store (``leads.models.LeadCount``); their cost is constant.

    Created and closed leads are stored by day only, under the status "".
    """
    rows = sql.fetch(STORED_COUNTS, [f"{since.week:%Y-%m-%d}", f"{since.month:%Y-%m-%d}"])
    return [StatusCount(status, *(int(figure or 0) for figure in row)) for status, *row in rows]


def in_pipeline_order(counts: Iterable[StatusCount]) -> list[StatusCount]:
    """Return the statuses of the pipeline in its order, then the others by name."""
    position = {status: index for index, status in enumerate(PIPELINE)}
    return sorted(counts, key=lambda count: (position.get(count.status, len(position)), count.status))
