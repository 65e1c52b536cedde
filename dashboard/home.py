"""The home page of the back office: figures, each a link to the list of what it counts."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format

from activities import sql
from dashboard import charts, queries, stale_leads, today
from leads.back_office import cells
from leads.back_office.filters import NO_SOURCE, office_zone
from leads.models import ImportRun, Lead
from users import permissions
from users.back_office import approval
from users.models import User

RECENT = 10  # activities
RUNS = 5
Context = dict[str, Any]


class Figure(NamedTuple):
    """A number with its label, and the address of the list of what it counts."""

    name: str
    text: str
    link: str


class Bar(NamedTuple):
    """A bar of a chart; ``share`` is its length in percent of the longest."""

    name: str
    text: str
    link: str
    share: int


def context(request: HttpRequest) -> Context:
    """Return what the home page shows to the user: only what they may see in the lists."""
    now = timezone.now()
    has_perm = request.user.has_perm
    user = cast(User, request.user)
    page: Context = {"now": now}
    if has_perm("users.change_user"):
        page["waiting_accounts"] = User.objects.waiting().count()
        page["waiting_link"] = address("users_user_changelist", registration=approval.WAITING)
    if has_perm("leads.view_lead"):
        page |= today.context(user, request.GET.get("agent", ""))
    if has_perm("leads.view_lead") and permissions.is_manager(user):
        page |= leads_part(now)
        if has_perm("activities.view_activity"):
            page |= activities_part(now, page.pop("total_activities"))
        if has_perm("leads.view_importrun"):
            page |= imports_part(now)
    return page


def leads_part(now: datetime) -> Context:
    """Return the cards, the charts and the leads that need attention."""
    zone = office_zone()
    stats = queries.stats(now, zone)
    week, month = (begin.astimezone(zone).date() for begin in queries.periods(now, zone))
    day = timezone.localdate(now)
    return {
        "total_activities": stats["total_activities"],
        "cards": [
            _figure("Leads", stats["total_leads"], _leads()),
            _figure("New in 7 days", stats["new_leads_this_week"], _leads(created_from=week)),
            _figure("Closed this month", stats["closed_leads_this_month"], _leads(closed_from=month)),
        ],
        "statuses": _bars(
            (row["status"].capitalize(), row["count"], _leads(status=row["status"])) for row in stats["leads_by_status"]
        ),
        "weeks": _bars(
            (
                date_format(week.first, "MONTH_DAY_FORMAT"),
                week.leads,
                _leads(created_from=week.first, created_to=week.last),
            )
            for week in charts.weeks(day, zone)
        ),
        "sources": source_bars(day, zone),
        "stale_leads": [
            {**group._asdict(), "link": _leads(**group.params), "rows": [_row(row, now) for row in group.rows]}
            for group in stale_leads.leads_needing_attention()
        ],
    }


def source_bars(day: date, zone: tzinfo) -> list[Bar]:
    """Return the sources of the leads of the last weeks."""
    since = charts.first_week(day)
    return _bars(
        (
            (source.spelling or "(none)", source.leads, _leads(source=source.key or NO_SOURCE, created_from=since))
            for source in charts.sources(since, zone)
        ),
        charts.MAX,
    )


def activities_part(now: datetime, total: int) -> Context:
    """Return the activities by agent, and the latest ones."""
    day = timezone.localdate(now)
    first, last = charts.month(day)
    latest = sql.latest(RECENT)
    leads = Lead.objects.in_bulk({activity["lead_id"] for activity in latest})
    return {
        "activities_card": _figure("Activities", total, address("activities_activity_changelist", leads="active")),
        "agents": _bars(
            (
                (
                    agent.name,
                    agent.activities,
                    address("activities_activity_changelist", user=agent.user_id, date_from=first, date_to=last),
                )
                for agent in charts.agents(first, last)
            ),
            charts.MAX,
        ),
        "recent_activities": [
            {
                **activity,
                "lead": leads.get(activity["lead_id"]),
                "when": cells.day_ago(date.fromisoformat(activity["activity_date"]), day),
                "link": reverse("admin:leads_lead_change", args=[activity["lead_id"]]),
            }
            for activity in latest
        ],
    }


def imports_part(now: datetime) -> Context:
    """Return the last imports."""
    runs = ImportRun.objects.defer("problems", "notes", "options", "undo_report")[:RUNS]
    return {
        "runs": [
            {"run": run, "when": cells.elapsed(run.started_at, now), "link": address("leads_importrun_change", run.pk)}
            for run in runs
        ],
        "import_link": address("leads_importrun_changelist"),
    }


def _row(row: stale_leads.Row, now: datetime) -> Context:
    return {
        "lead": row.lead,
        "link": reverse("admin:leads_lead_change", args=[row.lead.pk]),
        "status": cells.label(row.lead.status),
        "created": cells.elapsed(row.lead.created_at, now),
        "last_activity": cells.day_ago(row.last_activity, timezone.localdate(now)),
    }


def _figure(name: str, count: int, link: str) -> Figure:
    return Figure(name, f"{count:,}", link)


def _bars(counts: Iterable[tuple[str, int, str]], maximum: int | None = None) -> list[Bar]:
    """Return bars relative to the longest; a count above ``maximum`` is shown as "10,000+"."""
    rows = list(counts)
    longest = max((count for _, count, _ in rows), default=0) or 1
    return [Bar(name, _count_text(count, maximum), link, round(100 * count / longest)) for name, count, link in rows]


def _count_text(count: int, maximum: int | None) -> str:
    return f"{maximum:,}+" if maximum and count > maximum else f"{count:,}"


def _leads(**params: object) -> str:
    return address("leads_lead_changelist", **params)


def address(page: str, *ids: object, **params: object) -> str:
    """Return the address of a page of the back office; "" if there is none."""
    try:
        path = reverse(f"admin:{page}", args=ids)
    except NoReverseMatch:
        return ""
    return f"{path}?{urlencode(params)}" if params else path
