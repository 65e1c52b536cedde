"""The dashboard's figures. Softly deleted leads, and their activities, count nowhere."""

import threading
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Q, Sum
from django.utils import timezone

from crm_project.db import sql
from leads.models import Lead
from leads.validators import CLOSED, PIPELINE

KEPT = """
    SELECT status, sum(leads) FILTER (WHERE kind = 'status'), sum(activities),
        sum(leads) FILTER (WHERE kind = 'created'), sum(leads) FILTER (WHERE kind = 'closed')
    FROM leads_leadcount
    WHERE kind = 'status' OR kind = 'created' AND day >= %s OR kind = 'closed' AND day >= %s
    GROUP BY status
"""


class Periods(NamedTuple):
    """Since when "this week" and "this month" count, in UTC."""

    week: datetime
    month: datetime


class StatusCount(NamedTuple):
    """The active leads of one status and their activities; those that came in this week, those closed this month."""

    status: str
    leads: int
    activities: int
    new: int
    closed: int


def periods(now: datetime) -> Periods:
    """Midnight seven days ago, and midnight on the first of the month."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Periods(week=today - timedelta(days=7), month=today.replace(day=1))


def stats(now: datetime | None = None) -> dict[str, Any]:
    """Every figure but the recent activities."""
    since = periods(now or timezone.now())
    counts = in_pipeline_order(kept(since) if sql.VENDOR == "postgresql" else counted_once(since))
    return {
        "total_leads": sum(count.leads for count in counts),
        "new_leads_this_week": sum(count.new for count in counts),
        "closed_leads_this_month": sum(count.closed for count in counts),
        "total_activities": sum(count.activities for count in counts),
        "leads_by_status": [{"status": count.status, "count": count.leads} for count in counts if count.leads],
    }


class Counted(threading.local):
    """What this thread counted last, and what the database was like then."""

    when: tuple[Hashable, Periods] | None = None
    counts: tuple[StatusCount, ...] = ()


last = Counted()


def counted_once(since: Periods) -> Sequence[StatusCount]:
    """``counted``, but not again while nobody has changed SQLite's file, which it tells in microseconds."""
    mark: Hashable = connection.data_version()  # type: ignore[attr-defined]
    if mark is None:
        return counted(since)
    if last.when != (mark, since):
        # The mark is older than the counts: who changes something in between makes them be counted again.
        last.counts, last.when = tuple(counted(since)), (mark, since)
    return last.counts


def counted(since: Periods) -> list[StatusCount]:
    """By one pass over all active leads."""
    figures = {
        "leads": Count("pk"),
        "activities": Sum("activity_count"),
        "new": Count("pk", filter=Q(created_at__gte=since.week)),
        "closed": Count("pk", filter=Q(status=CLOSED, closed_at__gte=since.month)),
    }
    rows = Lead.objects.active().order_by().values_list("status").annotate(**figures)
    return [StatusCount(*row) for row in rows]


def kept(since: Periods) -> list[StatusCount]:
    """From the counts that PostgreSQL's triggers keep (``leads.models.LeadCount``): the same sums at any size.

    What came in and what was closed is kept by day alone, and stands under the status "".
    """
    found = sql.fetch(KEPT, [f"{since.week:%Y-%m-%d}", f"{since.month:%Y-%m-%d}"])
    return [StatusCount(status, *(int(figure or 0) for figure in row)) for status, *row in found]


def in_pipeline_order(counts: Iterable[StatusCount]) -> list[StatusCount]:
    """Known statuses as the pipeline has them, then the others by name."""
    place = {status: index for index, status in enumerate(PIPELINE)}
    return sorted(counts, key=lambda count: (place.get(count.status, len(place)), count.status))
