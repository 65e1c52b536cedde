"""Today: what an agent has to do, or the whole office for managers. The start page of whoever is not a manager."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from activities.back_office import log_page
from activities.models import FollowUp
from crm_project.validation import MAX_BIGINT
from leads.back_office import cells
from leads.back_office.paginator import CappedPaginator
from leads.consents import REVOKED, Consent
from leads.models import Lead
from leads.querysets import LeadQuerySet
from leads.sql import SearchTimeout, statement_timeout
from users import permissions
from users.models import User

MAX_ROWS, MAX_OF_OFFICE = 25, 5  # of each list; of the office, so that the figures below are not far
MAX_AGENTS = 200  # choices
MAX_TIME = 500  # milliseconds of a list on PostgreSQL: of many leads, all may have been contacted
TOO_MANY = "There are too many to look through. Open the list of leads, and filter it."
NEW = "new"


class Row(NamedTuple):
    """A lead with what is to be done; ``phone`` and ``email`` are "" where the lead may not be contacted so."""

    lead: Lead
    link: str
    log_link: str
    status: str
    phone: str
    email: str
    about: str
    when: str
    overdue: bool
    forbidden: bool
    agent: str


class Section(NamedTuple):
    """A list of leads: the first rows, and how many there are, as text."""

    title: str
    rows: list[Row]
    number: str
    empty: str


def context(user: User, given: str) -> dict[str, Any]:
    """Return the three lists of ``user``; of a manager those of the office, or of the agent ``given`` in the address.

    The number of queries does not depend on the number of rows.
    """
    agents: list[dict[str, Any]] = []
    chosen: int | None = user.pk
    if permissions.is_manager(user):
        chosen = _number(given)
        active = User.objects.filter(is_active=True).order_by("username_key")[:MAX_AGENTS]
        agents = [{"id": agent.pk, "name": agent.name, "chosen": agent.pk == chosen} for agent in active]
    may_log = user.has_perm("activities.add_activity")
    return {"sections": sections(chosen), "today_agents": agents, "may_log": may_log}


def sections(agent: int | None) -> list[Section]:
    """Return the lists of an agent, or of the office."""
    today, most = timezone.localdate(), MAX_ROWS if agent is not None else MAX_OF_OFFICE
    due, new, without = _due(agent, today), _new(agent), _without_next_step(agent)
    follow_ups = _first(due.select_related("lead__owner", "assignee"), most)
    of_leads = [_first(leads.select_related("owner"), most) for leads in (new, without)]
    shown = {one.lead_id for one in follow_ups or ()} | {lead.pk for leads in of_leads for lead in leads or ()}
    consents, now = Consent.objects.in_force(shown), timezone.now()
    due_rows = None if follow_ups is None else [_follow_up_row(one, consents, today, agent) for one in follow_ups]
    new_rows, other_rows = (
        None if leads is None else [_lead_row(lead, consents, now, agent) for lead in leads] for leads in of_leads
    )
    return [
        _section("Follow-ups: overdue and today", due, due_rows, "Nothing is due."),
        _section("New, not contacted", new, new_rows, "All new leads were contacted."),
        _section("Open, without a next step", without, other_rows, "Every open lead has a next step."),
    ]


def _first(found: Any, most: int) -> list[Any] | None:
    """Return the first rows; ``None`` if PostgreSQL does not find them in ``MAX_TIME``."""
    try:
        with statement_timeout(MAX_TIME):
            return list(found[:most])
    except SearchTimeout:
        return None


def _section(title: str, found: Any, rows: list[Row] | None, empty: str) -> Section:
    number = CappedPaginator(found, MAX_ROWS).display_count
    return Section(title, [], number, TOO_MANY) if rows is None else Section(title, rows, number, empty)


def _due(agent: int | None, today: date) -> Any:
    follow_ups = FollowUp.objects.of_active_leads().open().due_until(today).due_first()
    return follow_ups if agent is None else follow_ups.filter(assignee_id=agent)


def _contacted() -> Any:
    return Lead.objects.has_related("activities", activity_date__lte=timezone.localdate())


def _new(agent: int | None) -> LeadQuerySet:
    """New leads without an activity so far, the oldest first."""
    return _of(Lead.objects.active().in_status(NEW), agent).exclude(_contacted()).order_by("created_at", "pk")


def _without_next_step(agent: int | None) -> LeadQuerySet:
    """Open leads without a follow-up, except the new ones that are not contacted, the newest first."""
    leads = _of(Lead.objects.active().due("none"), agent)
    return leads.filter(~Q(status=NEW) | Q(_contacted())).newest_first()


def _of(leads: LeadQuerySet, agent: int | None) -> LeadQuerySet:
    return leads if agent is None else leads.owned_by(agent)


def _lead_row(lead: Lead, consents: Mapping[int, Mapping[str, Any]], now: datetime, agent: int | None) -> Row:
    return _row(
        lead,
        consents[lead.pk],
        lead.property_interest or "",
        f"created {cells.elapsed(lead.created_at, now)}",
        agent="" if agent is not None else lead.owner.name if lead.owner else "nobody",
    )


def _follow_up_row(
    follow_up: FollowUp, consents: Mapping[int, Mapping[str, Any]], today: date, agent: int | None
) -> Row:
    day = "today" if follow_up.due_on == today else date_format(follow_up.due_on)
    return _row(
        follow_up.lead,
        consents[follow_up.lead_id],
        follow_up.title,
        f"{day}, {follow_up.due_time}" if follow_up.due_time else day,
        overdue=follow_up.due_on < today,
        agent="" if agent is not None else follow_up.assignee.name if follow_up.assignee else "nobody",
        follow_up=follow_up.pk,
    )


def _row(lead: Lead, consent: Mapping[str, Any], about: str, when: str, agent: str, **more: Any) -> Row:
    params = {"back": log_page.TODAY} | ({"follow_up": more["follow_up"]} if "follow_up" in more else {})
    may_call, may_email = consent["call"] != REVOKED, consent["email"] != REVOKED
    return Row(
        lead,
        reverse("admin:leads_lead_change", args=[lead.pk]),
        f"{reverse('admin:leads_lead_log', args=[lead.pk])}?{urlencode(params)}",
        cells.label(lead.status),
        lead.phone if may_call else "",
        lead.email if may_email else "",
        cells.excerpt(about, 120),
        when,
        more.get("overdue", False),
        not may_call or not may_email,
        agent,
    )


def _number(given: str) -> int | None:
    if not (given.isascii() and given.isdecimal() and len(given) < 20):
        return None
    return number if (number := int(given)) <= MAX_BIGINT else None
