"""The back office's first page: the office in figures, each a link to the list that makes it up."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from activities import sql
from dashboard import charts, queries, stale_leads
from leads.back_office import cells
from leads.back_office.filters import NO_SOURCE
from leads.models import ImportRun, Lead
from users.back_office import approval
from users.models import User

RECENT = 10  # activities
RUNS = 5
Context = dict[str, Any]


class Figure(NamedTuple):
    """A number with its name, and the list of what was counted."""

    name: str
    said: str
    link: str


class Bar(NamedTuple):
    """A figure of a chart; ``share`` is its length in percent of the longest."""

    name: str
    said: str
    link: str
    share: int


def context(request: HttpRequest) -> Context:
    """What the home page shows to whoever asks: nothing that they may not look at in the lists."""
    now = timezone.now()
    may = request.user.has_perm
    shown: Context = {"today": now}
    if may("users.change_user"):
        shown["waiting_accounts"] = User.objects.waiting().count()
        shown["waiting_link"] = address("users_user_changelist", registration=approval.WAITING)
    if may("leads.view_lead"):
        shown |= leads_part(now)
        if may("activities.view_activity"):
            shown |= activities_part(now, shown.pop("total_activities"))
        if may("leads.view_importrun"):
            shown |= imports_part(now)
    return shown


def leads_part(now: datetime) -> Context:
    """Cards, charts and what needs attention."""
    stats = queries.stats(now)
    since = queries.periods(now)
    today = now.date()
    return {
        "total_activities": stats["total_activities"],
        "cards": [
            _figure("Leads", stats["total_leads"], _leads()),
            _figure("New this week", stats["new_leads_this_week"], _leads(created_from=since.week.date())),
            _figure("Closed this month", stats["closed_leads_this_month"], _leads(closed_from=since.month.date())),
        ],
        "statuses": _bars(
            (row["status"].capitalize(), row["count"], _leads(status=row["status"])) for row in stats["leads_by_status"]
        ),
        "weeks": _bars(
            (f"{week.first:%-d %b}", week.leads, _leads(created_from=week.first, created_to=week.last))
            for week in charts.weeks(today)
        ),
        "sources": source_bars(today),
        "neglected": [
            {**told._asdict(), "link": _leads(**told.asked), "rows": [_row(row, now) for row in told.rows]}
            for told in stale_leads.leads_needing_attention()
        ],
    }


def source_bars(today: date) -> list[Bar]:
    """Where the leads of the last weeks came from."""
    since = charts.first_week(today)
    return _bars(
        (
            (source.spelling or "(none)", source.leads, _leads(source=source.key or NO_SOURCE, created_from=since))
            for source in charts.sources(since)
        ),
        charts.MAX,
    )


def activities_part(now: datetime, total: int) -> Context:
    """Who did how much, and what was done last."""
    first, last = charts.month(now)
    latest = sql.latest(RECENT)
    leads = Lead.objects.in_bulk({activity["lead_id"] for activity in latest})
    return {
        "activities_card": _figure("Activities", total, address("activities_activity_changelist", leads="active")),
        "agents": _bars(
            (
                (
                    agent.name,
                    agent.activities,
                    address("activities_activity_changelist", user=agent.user_id, done_from=first, done_to=last),
                )
                for agent in charts.agents(first, last)
            ),
            charts.MAX,
        ),
        "recent_activities": [
            {
                **activity,
                "lead": leads.get(activity["lead_id"]),
                "when": cells.day_ago(date.fromisoformat(activity["activity_date"]), now.date()),
                "link": reverse("admin:leads_lead_change", args=[activity["lead_id"]]),
            }
            for activity in latest
        ],
    }


def imports_part(now: datetime) -> Context:
    """The last imports."""
    runs = ImportRun.objects.defer("problems", "notes", "options", "undo_report")[:RUNS]
    return {
        "runs": [
            {"run": run, "when": _since(run.started_at, now), "link": address("leads_importrun_change", run.pk)}
            for run in runs
        ],
        "import_link": address("leads_importrun_changelist"),
    }


def _row(row: stale_leads.Row, now: datetime) -> Context:
    return {
        "lead": row.lead,
        "link": reverse("admin:leads_lead_change", args=[row.lead.pk]),
        "status": cells.label(row.lead.status),
        "age": _since(row.lead.created_at, now),
        "last_activity": cells.day_ago(row.last_activity, now.date()),
    }


def _since(moment: datetime, now: datetime) -> str:
    said = cells.span(moment, now)
    return said if said == cells.NOW else f"{said} ago"


def _figure(name: str, count: int, link: str) -> Figure:
    return Figure(name, f"{count:,}", link)


def _bars(counted: Iterable[tuple[str, int, str]], most: int | None = None) -> list[Bar]:
    """Bars of the longest's length; a count above ``most`` is told as "more than that"."""
    rows = list(counted)
    longest = max((count for _, count, _ in rows), default=0) or 1
    return [Bar(name, _said(count, most), link, round(100 * count / longest)) for name, count, link in rows]


def _said(count: int, most: int | None) -> str:
    return f"{most:,}+" if most and count > most else f"{count:,}"


def _leads(**asked: object) -> str:
    return address("leads_lead_changelist", **asked)


def address(page: str, *ids: object, **asked: object) -> str:
    """The address of a page of the back office; "" where it has no such page."""
    try:
        path = reverse(f"admin:{page}", args=ids)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(asked)}" if asked else path
