"""A generated office of any size: the same number and seed give the same leads and activities, dated before a time."""

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any

from leads import validators

SEED = 20260101
SPAN = timedelta(days=730)  # the leads came in over two years, evenly
AGENTS = (
    "Maria Santos",
    "James Okafor",
    "Wei Chen",
    "Lena Fischer",
    "Priya Patel",
    "Omar Haddad",
    "Ruth Cohen",
    "Hugo Dubois",
)
INACTIVE_EVERY = 25  # each 25th lead is softly deleted: 4 %
ACTIVITIES = (2, 1, 3, 0, 4, 2, 2)  # of lead 1, 2, 3, …, over and over: 2 a lead on average
RARE = "Quillfeather"  # the last name of one lead, in the middle

_first_names = (
    "James Mary Robert Anna John Linda Michael Elena David Sofia William Olivia Richard Emma Joseph Amelia Thomas "
    "Aisha Carlos Mei Daniel Priya Matthew Camila Anthony Chloe Mark Nadia Steven Grace Andrew Ines Paul Ruth "
    "Joshua Hannah Kenneth Zoë Kevin Björn Brian José Timothy Fatima Ronald Yuki Jason Noor Ryan Léa Gary Ingrid "
    "Eric Svetlana"
)
_last_names = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson "
    "Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis "
    "Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera "
    "Campbell Mitchell Carter Roberts Müller Rossi Kowalski Silva Novák O'Brien Tanaka Haddad Jensen Okonkwo "
    "Petrov Lindqvist Ferreira Yamamoto Papadopoulos Castellanos Vandermeer Abramowitz Featherstone Goldsmith "
    "Blacksmith Fitzgerald"
)
FIRST_NAMES, LAST_NAMES = _first_names.split(), _last_names.split()
STATUSES = {"new": 40, "contacted": 22, "qualified": 12, "negotiation": 6, "closed": 12, "lost": 8}
SOURCES = {"website": 45, "referral": 20, "Zillow": 15, "open house": 10, "walk-in": 6, "Facebook": 3, "radio": 1}
HOMES = (None, "2BR condo", "3BR townhouse", "studio downtown", "single-family home with a garden", "duplex", "loft")
MAILS = ("example.com", "mail.example.org", "home.example.net")
KINDS = (
    ("call", "Follow-up call"),
    ("email", "Sent listings"),
    ("meeting", "Property tour"),
    ("note", "Prefers evenings"),
)


def is_active(number: int) -> bool:
    """Return whether lead ``number`` (counted from 1) is not softly deleted."""
    return number % INACTIVE_EVERY != 0


def activity_count(number: int) -> int:
    """Return the number of activities of lead ``number``."""
    return ACTIVITIES[(number - 1) % len(ACTIVITIES)]


def phone(number: int) -> str:
    """Return the telephone number of lead ``number``, which no other lead has."""
    digits = f"{number * 7_919 % 10_000_000_000:010d}"
    return f"+1-{digits[:3]}-{digits[3:6]}-{digits[6:]}"


def owner_of(number: int, agent_ids: Sequence[int]) -> int | None:
    """Return the owner of lead ``number``; a third of the leads have none."""
    return agent_ids[number % len(agent_ids)] if number % 3 else None


def tags_of(number: int) -> str:
    """Return the tags of lead ``number``: a quarter of the leads have a frequent one, a few a rare one."""
    return "vip, cash buyer" if number % 4 == 0 else "expat" if number % 10_007 == 0 else ""


def leads(count: int, now: datetime, agent_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield all columns of each lead. Ids count from 1; higher ones are newer. Django must be set up."""

    from leads.querysets import build_row  # the settings are read then, which the command line does without

    rng = random.Random(SEED)
    weights = [1 / (place + 8) for place in range(len(LAST_NAMES))]  # few names are common, many are not
    names, statuses, sources = (
        list(accumulate(weights)),
        list(accumulate(STATUSES.values())),
        list(accumulate(SOURCES.values())),
    )
    known_statuses, known_sources = list(STATUSES), list(SOURCES)
    for number in range(1, count + 1):
        first = rng.choice(FIRST_NAMES)
        last = RARE if number == count // 2 else rng.choices(LAST_NAMES, cum_weights=names)[0]
        lowest = rng.randrange(80, 900) * 1000
        with_budget = rng.random()
        clean = {
            "first_name": first,
            "last_name": last,
            "email": f"{first}.{last}{number}@{rng.choice(MAILS)}".lower().replace("'", ""),
            "phone": phone(number),
            "status": rng.choices(known_statuses, cum_weights=statuses)[0],
            "source": rng.choices(known_sources, cum_weights=sources)[0],
            "budget_min": lowest if with_budget < 0.8 else None,
            "budget_max": lowest + rng.randrange(300) * 1000 if with_budget < 0.7 else None,
            "property_interest": rng.choice(HOMES),
            "owner_id": owner_of(number, agent_ids),
            "tags": tags_of(number),
        }
        created = now - SPAN * ((count - number + rng.random()) / count)
        changed = min(now, created + timedelta(days=rng.expovariate(0.05)))
        row = build_row(clean, changed, created_at=created)
        closed = changed if clean["status"] == validators.CLOSED else None
        yield {
            **row, "id": number, "version": 1 if clean["status"] == "new" else 2, "closed_at": closed,
            "is_active": is_active(number), "activity_count": activity_count(number),
        }  # fmt: skip


def activities(count: int, now: datetime, agent_ids: list[int]) -> Iterator[tuple[Any, ...]]:
    """Activities of ``count`` leads, in the order of ``ACTIVITY_COLUMNS``."""
    rng = random.Random(SEED + 1)
    for number in range(1, count + 1):
        age = SPAN * ((count - number) / count)
        for _ in range(activity_count(number)):
            kind, title = rng.choice(KINDS)
            agent = rng.randrange(len(agent_ids))
            done = now - age * rng.random()
            day: date = done.date()
            notes = None if rng.random() < 0.5 else "Talked about financing and schools"
            duration = rng.randrange(5, 90) if kind in ("call", "meeting") else None
            yield number, agent_ids[agent], kind, title, notes, duration, day, done, AGENTS[agent]


ACTIVITY_COLUMNS = (
    "lead_id", "user_id", "activity_type", "title", "notes", "duration", "activity_date", "created_at", "user_name"
)  # fmt: skip


def follow_ups(count: int, now: datetime, agent_ids: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Follow-ups, in the order of ``FOLLOW_UP_COLUMNS``: a third of the leads has an open one, a third a done one."""
    today = now.date()
    for number in range(1, count + 1):
        if number % 3 == 2:
            continue
        is_open = number % 3 == 0
        due = today + timedelta(days=number % 400 - 20) if is_open else today - timedelta(days=number % 700)
        done = None if is_open else now - timedelta(days=number % 700)
        agent = agent_ids[number % len(agent_ids)]
        yield number, "Call back", "call", due, "10:00" if number % 2 else "", agent, done, now, agent


FOLLOW_UP_COLUMNS = (
    "lead_id", "title", "kind", "due_on", "due_time", "assignee_id", "done_at", "created_at", "created_by_id"
)  # fmt: skip


def consents(count: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    """Statements of consent, in the order of ``CONSENT_COLUMNS``: of every second lead, a tenth of them revoked."""
    for number in range(2, count + 1, 2):
        yield number, "all", "revoked" if number % 20 == 0 else "granted", now, AGENTS[0], "api"


CONSENT_COLUMNS = ("lead_id", "channel", "state", "created_at", "user_name", "through")
# The statuses that leads went through, by the database's functions for JSON.
HISTORY = """
INSERT INTO leads_leadchange (lead_id, changes, at, kind, channel, user_name)
SELECT id, {json}_object('status', {json}_array('new', status)), updated_at, 'changed', 'api', 'Maria Santos'
FROM leads_lead WHERE status <> 'new' ORDER BY id
"""
JSON = {"postgresql": "jsonb_build", "sqlite": "json"}
