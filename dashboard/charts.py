"""The figures of the home page that the API's dashboard does not have. Each is one statement of bounded cost."""

from datetime import UTC, date, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Q, Sum

from leads.back_office.choices import SPELLING, VALUES
from leads.models import Lead, LeadCount
from leads.queries import midnight

WEEKS = 12
SOURCES = 8  # shown; one index lookup for each source in use, up to a hundred
AGENTS = 8
MAX = 10_000  # counted leads of one source, or activities of one agent

# Materialized, because PostgreSQL would otherwise count twice: for the condition and for the row.
SOURCES_SINCE = f"""
{VALUES}, counted AS MATERIALIZED (
    SELECT key, (
        SELECT count(*) FROM (
            SELECT 1 FROM leads_lead WHERE is_active AND source_key = value.key AND created_at >= %s LIMIT %s
        ) AS found
    ) AS leads FROM value WHERE key IS NOT NULL
)
SELECT key, {SPELLING}, leads FROM counted WHERE leads > 0 ORDER BY leads DESC, key LIMIT %s
""".format(column="source_key", spelling="source")
LOGGED_BETWEEN = """
WITH counted AS MATERIALIZED (
    SELECT person.id, person.first_name, person.last_name, person.username, (
        SELECT count(*) FROM (
            SELECT 1 FROM activities_activity WHERE user_id = person.id AND activity_date BETWEEN %s AND %s LIMIT %s
        ) AS found
    ) AS logged FROM users_user AS person
)
SELECT id, first_name, last_name, username, logged FROM counted WHERE logged > 0 ORDER BY logged DESC, id LIMIT %s
"""


class Week(NamedTuple):
    """Leads created from ``first`` to ``last``, inclusive."""

    first: date
    last: date
    leads: int


class Source(NamedTuple):
    """Leads of one source; ``MAX + 1`` means more than ``MAX``."""

    key: str
    spelling: str
    leads: int


class Agent(NamedTuple):
    """Activities of one agent; ``MAX + 1`` means more than ``MAX``."""

    user_id: int
    name: str
    activities: int


def first_week(today: date) -> date:
    """Return the Monday of the oldest week shown."""
    return today - timedelta(days=today.weekday(), weeks=WEEKS - 1)


def weeks(today: date, zone: tzinfo) -> list[Week]:
    """Return the new active leads of each of the last weeks of ``zone``, oldest first, including the current week."""
    monday = first_week(today)
    starts = [monday + timedelta(weeks=week) for week in range(WEEKS)]
    by_week = _stored_by_week if connection.vendor == "postgresql" and zone is UTC else _counted_by_week
    counts = by_week(starts, today, zone)
    return [Week(start, start + timedelta(days=6), leads) for start, leads in zip(starts, counts, strict=True)]


def _stored_by_week(starts: list[date], today: date, zone: tzinfo) -> list[int]:
    """Add up the counts that PostgreSQL stores, which are by UTC's days."""
    stored = LeadCount.objects.filter(kind=LeadCount.Kind.CREATED, day__gte=starts[0], day__lte=today).order_by()
    counts = [0] * len(starts)
    for day, leads in stored.values_list("day").annotate(sum=Sum("leads")):
        counts[(day - starts[0]).days // 7] += int(leads)
    return counts


def _counted_by_week(starts: list[date], today: date, zone: tzinfo) -> list[int]:
    """Count along the index: SQLite calls Python for each lead to find its day. Row "Home of a manager" shows it."""
    bounds = [midnight(day, zone) for day in (*starts, today + timedelta(days=1))]
    weeks = {
        f"week_{place}": Count("pk", filter=Q(created_at__gte=begin, created_at__lt=end))
        for place, (begin, end) in enumerate(pairwise(bounds))
    }
    return list(Lead.objects.active().created_since(starts[0], zone).order_by().aggregate(**weeks).values())


def sources(since: date, zone: tzinfo) -> list[Source]:
    """Return the sources with most active leads created since ``since``, most first."""
    with connection.cursor() as cursor:
        cursor.execute(SOURCES_SINCE, [midnight(since, zone), MAX + 1, SOURCES])
        return [Source(*row) for row in cursor.fetchall()]


def agents(first: date, last: date) -> list[Agent]:
    """Return the agents with most activities from ``first`` to ``last``, including those of deleted leads."""
    with connection.cursor() as cursor:
        cursor.execute(LOGGED_BETWEEN, [first, last, MAX + 1, AGENTS])
        return [
            Agent(user_id, f"{names[0]} {names[1]}".strip() or names[2], logged)
            for user_id, *names, logged in cursor.fetchall()
        ]


def month(today: date) -> tuple[date, date]:
    """Return the first and last day of the month."""
    first = today.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
