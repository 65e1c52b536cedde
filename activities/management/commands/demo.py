"""``manage.py demo``: an office that has been at work for some months, to look around in and to try things on."""

import random
import secrets
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from activities.models import Activity, FollowUp
from activities.validators import validate as check_activity
from leads.attribution import author_of
from leads.consents import REVOKED, Consent
from leads.models import Lead
from leads.querysets import build_row
from leads.validators import CLOSED_STATUSES, join_tags, tag_keys
from leads.validators import validate as check_lead
from users.audit import Action, Actor, Channel, log_account_event
from users.models import User

LEADS, ACTIVITIES, DAYS = 500, 1500, 180
SEED = 20260101  # the same office every time, but for the passwords and the day it ends on

AGENTS = {
    "demo.maria": ("Maria", "Santos"),
    "demo.james": ("James", "Okafor"),
    "demo.wei": ("Wei", "Chen"),
    "demo.lena": ("Lena", "Fischer"),
}
FIRST_NAMES = (
    "Olivia Liam Emma Noah Amelia Mateo Sofia Elijah Camila Lucas Aisha Ethan Mei Daniel Priya Samuel Zoë Omar Chloe "
    "Hugo Nadia Leo Grace Victor Ines Ahmed Ruth Pedro Hannah Björn"
)
LAST_NAMES = (
    "Smith Johnson Garcia Ng Nguyen Patel Müller Rossi Kowalski Silva Kim Brown Ortiz Cohen Ivanova Haddad Jensen "
    "O'Brien Tanaka Dubois Lopez Walker Adeyemi Novák Wilson Moreau Khan Reyes Larsson Baker"
)
PLACES = ("downtown", "near PATH", "by the park", "in the Heights", "with a river view", "close to a good school")
HOMES = ("2BR condo", "3BR townhouse", "studio", "single-family home", "duplex", "loft", "4BR with a garden")
STATUSES = {"new": 40, "contacted": 24, "qualified": 15, "negotiation": 8, "closed": 8, "lost": 5}
SOURCES = {"website": 45, "referral": 22, "open house": 12, "Zillow": 11, "walk-in": 6, "Facebook": 4}
TAGS = {"first-time buyer": 9, "cash buyer": 7, "investor": 6, "VIP": 4, "relocating": 4}
KINDS = {
    "call": ("Intro call", "Follow-up call", "Left a message", "Talked about financing"),
    "email": ("Sent listings", "Sent comps", "Answered questions", "Sent the contract"),
    "meeting": ("Property tour", "Second viewing", "Met at the office", "Open house"),
    "note": ("Prefers evenings", "Waiting for the bank", "Sells first", "Wants a garage"),
}
PLANS = ("Call back", "Ask for news", "Send comps", "Confirm the viewing", "Talk about financing")
REFUSED = {"call": 5, "email": 4, "all": 2}  # of a hundred leads


class Command(BaseCommand):
    """Reproducible: the same leads and activities on every run, dated back from today."""

    help = f"Make {len(AGENTS)} agents, {LEADS} leads and {ACTIVITIES} activities in an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--force`` adds them to whatever is there."""
        parser.add_argument("--force", action="store_true", help="also where there are leads already")

    def handle(self, *args: Any, **options: Any) -> None:
        """All or nothing; ``CommandError`` where there are leads already."""
        if Lead.objects.exists() and not options["force"]:
            raise CommandError("There are leads already; sample data belongs in an empty database (or say --force).")
        chance, password = random.Random(SEED), secrets.token_urlsafe(9)
        with transaction.atomic():
            agents = [_agent(username, password) for username in AGENTS]
            leads = _leads(chance, agents)
            _activities(chance, agents, leads)
            follow_ups = _follow_ups(chance, agents, leads)
            _consents(chance, leads)
        self.stdout.write(
            f"{LEADS} leads and {ACTIVITIES} activities of the last {DAYS} days, {follow_ups} follow-ups."
        )
        self.stdout.write(f"Agents {', '.join(AGENTS)} sign in with the password {password}")


def _agent(username: str, password: str) -> User:
    """An agent of that name with that password, whether or not there was one."""
    first_name, last_name = AGENTS[username]
    agent = User.objects.filter(username_key=username).first() or User(username=username)
    agent.first_name, agent.last_name, agent.email = first_name, last_name, f"{username}@mail.example"
    action = Action.PASSWORD_SET if agent.pk else Action.CREATED
    agent.set_password(password)
    agent.save()
    log_account_event(action, actor=None, target=agent, channel=Channel.CLI)
    return agent


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def _leads(chance: random.Random, agents: list[User]) -> list[Lead]:
    now, actor, leads = timezone.now(), Actor.operator(), []
    author = author_of(actor)
    for number in range(LEADS):
        clean, problems = check_lead(_lead_row(chance, number))
        assert not problems, problems
        # More of them lately than long ago, as in an office that grows.
        made = now - timedelta(days=DAYS * (1 - chance.random() ** 0.7), minutes=chance.randrange(600))
        touched = min(now, made + timedelta(days=chance.uniform(0, 40)))
        lead = build_row(clean, now, made, created_by=author, channel=actor.channel)
        lead |= _labels(chance, agents, (now - made).days)
        leads.append(lead | {"updated_at": touched, "closed_at": touched if lead["closed_at"] else None})
    leads.sort(key=itemgetter("created_at"))
    Lead.objects.insert_many(leads)
    return [Lead(**lead) for lead in leads]


def _labels(chance: random.Random, agents: list[User], days: int) -> dict[str, Any]:
    """An owner, unless the lead is new or has been overlooked, and sometimes tags."""
    stored = join_tags(word for word, percent in TAGS.items() if chance.random() * 100 < percent)
    owner = chance.choice(agents).pk if days > 1 and chance.random() < 0.85 else None
    return {"owner_id": owner, "tags": stored, "tag_keys": tag_keys(stored)}


def _lead_row(chance: random.Random, number: int) -> dict[str, Any]:
    first_name, last_name = chance.choice(FIRST_NAMES.split()), chance.choice(LAST_NAMES.split())
    lowest = chance.randrange(15, 120) * 10_000
    budget = chance.random() < 0.8
    row = {
        "first_name": first_name,
        "last_name": last_name,
        "email": f"lead{number + 1}@mail.example" if chance.random() < 0.9 else "",
        "phone": f"+1-555-{chance.randrange(100, 1000)}-{chance.randrange(10_000):04d}",
        "status": _pick(chance, STATUSES),
        "source": _pick(chance, SOURCES),
        "budget_min": lowest if budget else None,
        "budget_max": lowest + chance.randrange(5, 40) * 10_000 if budget else None,
    }
    return {**row, "property_interest": f"{chance.choice(HOMES)} {chance.choice(PLACES)}"}


def _activities(chance: random.Random, agents: list[User], leads: list[Lead]) -> None:
    """Spread them unevenly: a few leads are talked to a lot, some never."""
    eager = chance.choices(leads, [chance.paretovariate(1.2) for _ in leads], k=ACTIVITIES)
    logged: list[Activity] = []
    for lead in sorted(set(eager), key=lambda lead: lead.pk):
        agent = chance.choice(agents)
        rows = [_activity_row(chance, lead.created_at) for _ in range(eager.count(lead))]
        logged += Activity.objects.log(lead.pk, agent, rows, Channel.CLI)
    made = {lead.pk: lead.created_at for lead in leads}
    for activity in logged:
        hour = timedelta(hours=chance.randrange(8, 19), minutes=chance.randrange(60))
        day = datetime.combine(activity.activity_date, datetime.min.time(), timezone.get_default_timezone())
        activity.created_at = min(timezone.now(), max(day + hour, made[activity.lead_id]))
    Activity.objects.bulk_update(logged, ["created_at"], batch_size=200)


def _activity_row(chance: random.Random, since: datetime) -> dict[str, Any]:
    kind = chance.choices(list(KINDS), [45, 30, 15, 10])[0]
    days = (timezone.now() - since).days
    row = {
        "activity_type": kind,
        "title": chance.choice(KINDS[kind]),
        "duration": chance.choice((5, 10, 15, 30, 45, 60)) if kind in ("call", "meeting") else None,
        "activity_date": (since + timedelta(days=chance.random() * days)).date().isoformat(),
    }
    clean, problems = check_activity(row)
    assert not problems, problems
    return clean


def _follow_ups(chance: random.Random, agents: list[User], leads: list[Lead]) -> int:
    """Plan the next step of two thirds of the open leads that somebody has: some overdue, some today. How many."""
    today, by_id, count = timezone.localdate(), {agent.pk: agent for agent in agents}, 0
    for lead in leads:
        agent = by_id.get(lead.owner_id or 0)
        if agent is None or lead.status in CLOSED_STATUSES or chance.random() > 0.66:
            continue
        day = today + timedelta(days=chance.choice((-4, -1, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 8, 9, 11, 13)))
        clean = {
            "title": chance.choice(PLANS),
            "kind": chance.choice(("call", "call", "email", "meeting")),
            "due_on": day,
            "due_time": chance.choice((None, None, "09:30", "11:00", "15:00")),
            "assignee_id": agent.pk,
        }
        FollowUp.objects.plan(lead.pk, clean, Actor.of(agent, Channel.CLI))
        count += 1
    return count


def _consents(chance: random.Random, leads: list[Lead]) -> None:
    """Let some leads say that they do not want to be contacted."""
    for lead in leads:
        for channel, percent in REFUSED.items():
            if chance.random() * 100 < percent:
                clean = {"channel": channel, "state": REVOKED, "wording": "Asked by telephone", "evidence": None}
                Consent.objects.record(lead.pk, clean, Actor.operator())
