"""The dashboard's figures. Softly deleted leads, and their activities, count nowhere."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, Q, Sum
from django.utils import timezone

from leads.models import Lead
from leads.rules import CLOSED, PIPELINE


class Periods(NamedTuple):
    """Since when "this week" and "this month" count, in UTC."""

    week: datetime
    month: datetime


def periods(now: datetime) -> Periods:
    """Midnight seven days ago, and midnight on the first of the month."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Periods(week=today - timedelta(days=7), month=today.replace(day=1))


def stats(now: datetime | None = None) -> dict[str, Any]:
    """Every figure but the recent activities, from one pass over the active leads by status."""
    since = periods(now or timezone.now())
    rows: Any = (
        Lead.objects.active()
        .order_by()
        .values("status")
        .annotate(
            count=Count("pk"),
            logged=Sum("activity_count"),
            new=Count("pk", filter=Q(created_at__gte=since.week)),
            closed=Count("pk", filter=Q(status=CLOSED, closed_at__gte=since.month)),
        )
    )
    by_status = in_pipeline_order(rows)
    return {
        "total_leads": sum(row["count"] for row in by_status),
        "new_leads_this_week": sum(row["new"] for row in by_status),
        "closed_leads_this_month": sum(row["closed"] for row in by_status),
        "total_activities": sum(row["logged"] for row in by_status),
        "leads_by_status": [{"status": row["status"], "count": row["count"]} for row in by_status],
    }


def in_pipeline_order(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Known statuses as the pipeline has them, then the others by name."""
    place = {status: index for index, status in enumerate(PIPELINE)}
    return sorted(rows, key=lambda row: (place.get(row["status"], len(place)), row["status"]))
