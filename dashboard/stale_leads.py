"""Leads that need attention: the newest of them, and their number."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from leads.back_office.filters import OPEN, inactive_since_day, office_zone
from leads.back_office.listing import last_activities
from leads.back_office.paginator import CappedPaginator
from leads.models import Lead
from leads.querysets import LeadQuerySet

MAX_ROWS = 6
NEW_DAYS, OPEN_DAYS = "2", "14"


class Row(NamedTuple):
    """A lead and the day of its last activity."""

    lead: Lead
    last_activity: date | None


class StaleLeads(NamedTuple):
    """The newest leads of a list, their number as text, and the query parameters of the list."""

    title: str
    rows: Sequence[Row]
    number: str
    params: dict[str, str]


def leads_needing_attention() -> list[StaleLeads]:
    """Return new leads that were not contacted, and open leads without recent activity."""
    zone = office_zone()
    new = Lead.objects.active().in_status("new").inactive_since(inactive_since_day(NEW_DAYS), zone)
    inactive = Lead.objects.active().open().inactive_since(inactive_since_day(OPEN_DAYS), zone)
    return [
        _stale_leads("New, not contacted (2+ days)", new, {"status": "new", "inactive": NEW_DAYS}),
        _stale_leads("Open, no activity (14+ days)", inactive, {"status": OPEN, "inactive": OPEN_DAYS}),
    ]


def _stale_leads(title: str, leads: LeadQuerySet, params: dict[str, str]) -> StaleLeads:
    newest = list(leads.newest_first()[:MAX_ROWS])
    days = last_activities([lead.pk for lead in newest])
    rows = [Row(lead, days.get(lead.pk)) for lead in newest]
    return StaleLeads(title, rows, CappedPaginator(leads, MAX_ROWS).display_count, params)
