"""What becomes of each sample lead, without the database: when it came in, who did what with it, where it stands."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from itertools import pairwise
from math import log
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple

from activities.sample_data import words
from activities.sample_data.words import Person, Source, Stage

DAYS = 365
SEED = 20260101  # the same office every time, but for the passwords and the hour it ends at
OPENS, CLOSES, SUNDAY = 8, 18, 6
LONGEST_WORK = timedelta(days=45)  # that a lead is worked on without a result
IDLE, OVERLOOKED, COVERED, PLANNED = 0.2, 0.03, 0.08, 0.35  # parts


class Touch(NamedTuple):
    """An activity; ``agent`` is a place in ``words.AGENTS``. ``planned``: it was a follow-up first."""

    at: datetime
    agent: int
    kind: str
    title: str
    duration: int | None
    planned: bool


class Move(NamedTuple):
    """A change of the status."""

    at: datetime
    agent: int
    before: str
    after: str


class Life(NamedTuple):
    """A lead and its history. ``owner``, a place in ``words.AGENTS``, has it since ``taken_at``."""

    row: dict[str, Any]
    created_at: datetime
    owner: int | None
    taken_at: datetime
    touches: list[Touch]
    moves: list[Move]
    chance: Random

    @property
    def status(self) -> str:
        """Return the present status."""
        return self.moves[-1].after if self.moves else "new"

    @property
    def changed_at(self) -> datetime:
        """When its own fields were changed last."""
        taken = self.taken_at if self.owner is not None else self.created_at
        return self.moves[-1].at if self.moves else taken


def live(number: int, now: datetime, zone: tzinfo) -> Life:
    """Return the lead of this number, and its history until ``now``. The same number has the same fate."""
    chance = Random(f"{SEED}-{number}")
    source = chance.choices(words.SOURCES, [source.share for source in words.SOURCES])[0]
    agent = chance.choices(words.AGENTS, [agent.share for agent in words.AGENTS])[0]
    place = words.AGENTS.index(agent)
    created_at = _created(chance, source, now, zone)
    taken_at = created_at + timedelta(minutes=chance.uniform(1, 6))
    hours = chance.lognormvariate(log(agent.pace * source.pace), 0.7)
    contacted_at = max(taken_at, _at_work(chance, created_at + timedelta(hours=hours)))
    life = Life(_row(chance, number, source), created_at, place, taken_at, [], [], chance)
    if chance.random() < OVERLOOKED or contacted_at > now:
        has_owner = taken_at <= now and chance.random() < 0.6
        return life._replace(owner=place if has_owner else None)
    _touch(life, contacted_at, chance.choice(words.FIRST_CONTACT), planned=False)
    life.moves.append(Move(contacted_at, place, "new", "contacted"))
    _work(life, source, agent, now)
    life.touches.sort(key=attrgetter("at"))
    return life


def _work(life: Life, source: Source, agent: Person, now: datetime) -> None:
    """Take a contacted lead as far as it goes by ``now``."""
    chance, at = life.chance, life.moves[-1].at
    for stage, odds in zip(words.STAGES, (source.qualified, source.negotiation, source.closed), strict=True):
        goes_on = chance.random() < odds * agent.skill
        is_idle = not goes_on and chance.random() < IDLE
        days = chance.lognormvariate(log(stage.days * (1 if goes_on else 2)), 0.5)
        ends_at = _at_work(chance, at + timedelta(days=days))
        _touches(life, stage, agent, at, min(ends_at, now, at + LONGEST_WORK))
        if is_idle or ends_at > now:
            return
        logged, after = (stage.logged, stage.next) if goes_on else (chance.choice(words.LOST), "lost")
        _touch(life, ends_at, logged, planned=chance.random() < PLANNED)
        life.moves.append(Move(ends_at, life.moves[-1].agent, stage.status, after))
        if not goes_on:
            return
        at = ends_at


def _touches(life: Life, stage: Stage, agent: Person, begin: datetime, end: datetime) -> None:
    """Add what is done with a lead during a stage."""
    chance, days = life.chance, (end - begin).total_seconds() / 86_400
    for _ in range(round(min(days / 7, 3) * agent.effort * chance.uniform(0.3, 1.5))):
        at = _at_work(chance, begin + timedelta(days=chance.uniform(0, days)))
        if begin < at < end:
            _touch(life, at, chance.choice(stage.touches), planned=chance.random() < PLANNED)


def _touch(life: Life, at: datetime, what: tuple[str, str], planned: bool) -> None:
    kind, title = what if life.row["email"] or what[0] != "email" else ("call", "Left a message")
    chance, place = life.chance, life.owner or 0
    if chance.random() < COVERED:
        place = chance.randrange(len(words.AGENTS))
    longest = {"call": 6, "meeting": 18}.get(kind)
    duration = 5 * chance.randrange(1 if kind == "call" else 6, longest) if longest else None
    life.touches.append(Touch(at, place, kind, title, duration, planned))


def before_planned(touches: Sequence[Touch]) -> list[tuple[datetime, Touch]]:
    """Return the activities that were planned, each with the time of the one before, when that was done."""
    return [(before.at, touch) for before, touch in pairwise(touches) if touch.planned]


def _created(chance: Random, source: Source, now: datetime, zone: tzinfo) -> datetime:
    """More leads lately than long ago, as in an office that grows; visitors come while the office is open."""
    day = (now - timedelta(days=DAYS * chance.random() ** 1.12)).astimezone(zone).date()
    is_visit = source.name in ("walk-in", "open house")
    if source.name == "open house":
        day -= timedelta(days=(day.weekday() - SUNDAY) % 7)
    hour = chance.uniform(10, 17) if is_visit else chance.triangular(7, 23.9, 17)
    created_at = datetime.combine(day, time(), zone) + timedelta(hours=hour)
    return created_at if created_at < now else created_at - timedelta(days=7 if is_visit else 1)


def _at_work(chance: Random, at: datetime) -> datetime:
    """Return ``at``, or a time after the office opens next: it is open from Monday to Saturday."""
    day, is_late = at.replace(hour=0, minute=0), at.hour >= CLOSES
    opens = day + timedelta(days=1 if is_late else 0, hours=OPENS)
    if opens.weekday() == SUNDAY:
        opens += timedelta(days=1)
    return at if opens <= at else opens + timedelta(minutes=chance.triangular(0, 150, 30))


def _row(chance: Random, number: int, source: Source) -> dict[str, Any]:
    """Return the values of the lead."""
    lowest = chance.randrange(15, 120) * 10_000
    has_budget = chance.random() < 0.8
    return {
        "first_name": chance.choice(words.FIRST_NAMES.split()),
        "last_name": chance.choice(words.LAST_NAMES.split()),
        "email": f"lead{number + 1}@mail.example" if chance.random() < 0.9 else "",
        "phone": f"+1-555-{chance.randrange(100, 1000)}-{chance.randrange(10_000):04d}",
        "source": source.name,
        "budget_min": lowest if has_budget else None,
        "budget_max": lowest + chance.randrange(5, 40) * 10_000 if has_budget else None,
        "property_interest": f"{chance.choice(words.HOMES)} {chance.choice(words.PLACES)}",
        "tags": [tag for tag, percent in words.TAGS.items() if chance.random() * 100 < percent],
    }
