"""``manage.py demo``: an office that has been at work for a year, to look around in and to try things on."""

import secrets
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from django.contrib.auth.models import Group
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from activities.follow_ups.querysets import ABOUT
from activities.models import Activity, FollowUp
from activities.sample_data import words
from activities.sample_data.lives import DAYS, Life, Touch, before_planned, live
from activities.validators import validate as check_activity
from crm_project.db import bulk
from leads.attribution import author_of
from leads.audit import Changes, Kind
from leads.consents import ALL, GRANTED, REVOKED
from leads.models import Consent, Lead, LeadChange, SavedView
from leads.querysets import build_row
from leads.validators import CLOSED, CLOSED_STATUSES
from leads.validators import validate as check_lead
from users.audit import Action, Actor, Channel, log_account_event, user_state
from users.models import User
from users.permissions import MANAGERS, STAFF

LEADS = 500
BATCH = 200
DUE_IN = (0, 3, -1, 1, 6, 2, -3, 0, 9, 4, 1, 13, -6, 2, 5, 8, 11)  # days, of the next steps by turns
VIEWS = {"Cash buyers": "tag=cash+buyer", "Negotiations": "status=negotiation"}


class Command(BaseCommand):
    """Reproducible: the same leads and activities on every run, dated back from the present hour."""

    help = f"Make {len(words.AGENTS)} agents, their manager, and {LEADS} leads of the last year in an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--force`` adds them to whatever is there."""
        parser.add_argument("--force", action="store_true", help="also where there are leads already")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create all of the data or, after an error, none; raise ``CommandError`` if there are leads already."""
        if Lead.objects.exists() and not options["force"]:
            raise CommandError("There are leads already; sample data belongs in an empty database (or say --force).")
        password = secrets.token_urlsafe(9)
        with transaction.atomic():
            agents = [_user(agent, password, STAFF) for agent in words.AGENTS]
            manager = _user(words.MANAGER, password, MANAGERS)
            activities, follow_ups = SampleData(agents, manager).store()
            for name, query in VIEWS.items():
                SavedView.objects.get_or_create(user=manager, name=name, defaults={"query": query, "is_shared": True})
        self.stdout.write(
            f"{LEADS} leads and {activities} activities of the last {DAYS} days, {follow_ups} open follow-ups."
        )
        names = ", ".join(agent.username for agent in words.AGENTS)
        self.stdout.write(f"Agents {names} and the manager {manager.username} sign in with the password {password}")


def _user(person: words.Person, password: str, group: str) -> User:
    """Return a user with that name and password who may use the back office; create them if needed."""
    user = User.objects.filter(username_key=person.username).first() or User(username=person.username)
    user.first_name, user.last_name = person.first_name, person.last_name
    user.email, user.is_staff = f"{person.username}@mail.example", True
    action = Action.PASSWORD_SET if user.pk else Action.CREATED
    user.set_password(password)
    user.save()
    user.groups.set(Group.objects.filter(name=group))
    log_account_event(action, actor=None, target=user, channel=Channel.CLI, after=user_state(user))
    return user


class SampleData:
    """Stores the leads with their histories. Each table takes a few statements.

    The methods that write one thing date it at present. So this uses what they use: the validators, ``build_row``, the
    bulk inserts, and entries of the history in their form and in the order of their times.
    """

    def __init__(self, agents: Sequence[User], manager: User) -> None:
        self.agents, self.manager, self.now = agents, manager, timezone.now()
        zone = timezone.get_current_timezone()
        until = self.now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        self.lives = sorted((live(number, until, zone) for number in range(LEADS)), key=attrgetter("created_at"))
        self.changes: list[LeadChange] = []

    def store(self) -> tuple[int, int]:
        """Return how many activities and open follow-ups were stored."""
        author = author_of(Actor.operator())
        rows = [self._lead(life, author) for life in self.lives]
        Lead.objects.insert_many(rows)
        for row, life in zip(rows, self.lives, strict=True):
            self._log_lead(row["id"], life)
        stored = self._activities([row["id"] for row in rows])
        follow_ups = self._follow_ups(rows, stored)
        Consent.objects.bulk_create(
            [one for row, life in zip(rows, self.lives, strict=True) for one in self._consents(row["id"], life)],
            batch_size=BATCH,
        )
        LeadChange.objects.bulk_create(sorted(self.changes, key=attrgetter("at")), batch_size=BATCH)
        return len(stored), follow_ups

    def _lead(self, life: Life, author: int) -> dict[str, Any]:
        owner = None if life.owner is None else self.agents[life.owner].pk
        clean, problems = check_lead({**life.row, "status": life.status, "owner_id": owner}, labels=True)
        assert not problems, problems
        row = build_row(clean, life.changed_at, life.created_at, created_by=author, channel=Channel.CLI)
        closed_at = life.moves[-1].at if life.status == CLOSED else None
        return row | {"closed_at": closed_at, "version": 1 + len(life.moves) + (owner is not None)}

    def _log_lead(self, lead_id: int, life: Life) -> None:
        if life.owner is not None:
            owner = {"owner_id": [None, self.agents[life.owner].pk]}
            self._log(lead_id, life.taken_at, Kind.CHANGED, owner, self.manager)
        for move in life.moves:
            status = {"status": [move.before, move.after]}
            self._log(lead_id, move.at, Kind.CHANGED, status, self.agents[move.agent])

    def _log(self, lead_id: int, at: datetime, kind: Kind, changes: Changes, user: User) -> None:
        who = {"user_id": user.pk, "user_name": user.name, "channel": Channel.CLI.value}
        self.changes.append(LeadChange(lead_id=lead_id, at=at, kind=kind.value, changes=changes, **who))

    def _activities(self, lead_ids: Sequence[int]) -> dict[tuple[int, Touch], int]:
        """Store the activities, and count them at their leads; return their ids."""
        done = [(pk, touch) for pk, life in zip(lead_ids, self.lives, strict=True) for touch in life.touches]
        done.sort(key=lambda one: one[1].at)
        rows = [self._activity(pk, touch) for pk, touch in done]
        bulk.insert(Activity, rows)
        Lead.objects.count_many_activities(Counter(pk for pk, _ in done))
        return {one: row["id"] for one, row in zip(done, rows, strict=True)}

    def _activity(self, lead_id: int, touch: Touch) -> dict[str, Any]:
        given = {
            "activity_type": touch.kind,
            "title": touch.title,
            "duration": touch.duration,
            "activity_date": touch.at.date().isoformat(),
        }
        clean, problems = check_activity(given)
        assert not problems, problems
        agent = self.agents[touch.agent]
        author = {"user_id": agent.pk, "user_name": agent.name, "program": None, "channel": Channel.CLI.value}
        return {**clean, **author, "lead_id": lead_id, "created_at": touch.at, "import_run_id": None}

    def _follow_ups(self, rows: Sequence[dict[str, Any]], stored: dict[tuple[int, Touch], int]) -> int:
        """Store those that are done, and the next ones of most open leads: overdue, today, later. How many of these."""
        done: list[FollowUp] = []
        planned: list[FollowUp] = []
        for row, life in zip(rows, self.lives, strict=True):
            for at, touch in before_planned(life.touches):
                follow_up = self._plan(row["id"], at, touch.agent, touch.kind, touch.title, touch.at)
                follow_up.done_at, follow_up.activity_id = touch.at, stored[row["id"], touch]
                done.append(follow_up)
            if life.touches and life.status not in CLOSED_STATUSES and life.chance.random() < 0.75:
                planned.append(self._next_step(row["id"], life, DUE_IN[len(planned) % len(DUE_IN)]))
        FollowUp.objects.bulk_create([*done, *planned], batch_size=BATCH)
        return len(planned)

    def _next_step(self, lead_id: int, life: Life, days: int) -> FollowUp:
        kind, title = life.chance.choice(words.PLANS)
        due = timezone.localtime(self.now) + timedelta(days=days)
        follow_up = self._plan(lead_id, life.touches[-1].at, life.owner or 0, kind, title, due)
        follow_up.due_time = life.chance.choice(("", "", "09:30", "11:00", "15:00"))
        return follow_up

    def _plan(self, lead_id: int, at: datetime, agent: int, kind: str, title: str, due: datetime) -> FollowUp:
        user = self.agents[agent]
        follow_up = FollowUp(lead_id=lead_id, title=title, kind=kind, due_on=due.date(), created_at=at)
        follow_up.assignee_id = follow_up.created_by_id = user.pk
        self._log(lead_id, at, Kind.FOLLOW_UP, {ABOUT: [str(follow_up)] * 2}, user)
        return follow_up

    def _consents(self, lead_id: int, life: Life) -> list[Consent]:
        """Consent of the form on the website, and what leads asked on the telephone later."""
        found, chance = [], life.chance
        if life.row["source"] == "website" and chance.random() * 100 < words.GRANTED:
            found.append((life.created_at, ALL, GRANTED, "I agree to be contacted", self.manager))
        for way, percent in words.REVOKED.items():
            if life.touches and chance.random() * 100 < percent:
                last = life.touches[-1]
                found.append((last.at, way, REVOKED, "Asked on the telephone", self.agents[last.agent]))
        for at, way, state, _, user in found:
            self._log(lead_id, at, Kind.CONSENT, {f"consent_{way}": [None, state]}, user)
        return [
            Consent(
                lead_id=lead_id,
                channel=way,
                state=state,
                wording=wording,
                created_at=at,
                user_id=user.pk,
                user_name=user.name,
                through=Channel.CLI.value,
            )
            for at, way, state, wording, user in found
        ]
