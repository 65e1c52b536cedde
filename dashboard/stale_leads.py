"""Leads that somebody should look at: few of them, and how many there are."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from leads.back_office.filters import OPEN, inactive_since_day
from leads.back_office.listing import last_activities
from leads.back_office.paginator import CappedPaginator
from leads.models import Lead
from leads.querysets import LeadQuerySet

SHOWN = 6
NEW_DAYS, OPEN_DAYS = "2", "14"


class Row(NamedTuple):
    """A lead and the day of its last activity."""

    lead: Lead
    last_activity: date | None


class StaleLeads(NamedTuple):
    """The newest leads that a question finds, how many they are, for reading, and the list's parameters for it."""

    title: str
    rows: Sequence[Row]
    said: str
    asked: dict[str, str]


def leads_needing_attention() -> list[StaleLeads]:
    """New leads that nobody got in touch with, and open ones that went quiet."""
    new = Lead.objects.active().in_status("new").inactive_since(inactive_since_day(NEW_DAYS))
    quiet = Lead.objects.active().open().inactive_since(inactive_since_day(OPEN_DAYS))
    return [
        _found("New, no activity for 2 days", new, {"status": "new", "quiet": NEW_DAYS}),
        _found("Open, quiet for 2 weeks", quiet, {"status": OPEN, "quiet": OPEN_DAYS}),
    ]


def _found(title: str, leads: LeadQuerySet, asked: dict[str, str]) -> StaleLeads:
    shown = list(leads.newest_first()[:SHOWN])
    days = last_activities([lead.pk for lead in shown])
    rows = [Row(lead, days.get(lead.pk)) for lead in shown]
    return StaleLeads(title, rows, CappedPaginator(leads, SHOWN).said, asked)
