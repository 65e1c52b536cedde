"""Test data, created with the product's own functions."""

from datetime import timedelta
from functools import cache
from itertools import count
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from activities.models import Activity, FollowUp
from activities.validators import validate
from leads.models import Lead
from users.audit import Actor, Channel
from users.models import User
from users.tokens import access_token

PASSWORD = "correct horse battery"
SOMEBODY = Actor(None, "Somebody", Channel.CLI)
_numbers = count(1)


def make_user(**fields: Any) -> User:
    """Return an agent with ``PASSWORD``."""
    number = next(_numbers)
    defaults = {"username": f"agent{number}", "email": f"agent{number}@example.com", "first_name": "Agent"}
    password = fields.pop("password", PASSWORD)
    user = User(**{**defaults, "last_name": str(number), **fields})
    user.password = _hash(password, settings.PASSWORD_HASHERS[0])
    user.save()
    return user


@cache
def _hash(password: str, hasher: str) -> str:
    # Most tests only need that there is a password.
    return make_password(password)


def lead_row(**fields: Any) -> dict[str, Any]:
    """Return a body that ``POST /api/leads`` accepts."""
    number = next(_numbers)
    return {
        "first_name": "Ada",
        "last_name": f"Lovelace{number}",
        "email": f"ada{number}@example.com",
        "phone": f"+1-555-{number:04d}",
        **fields,
    }


def make_lead(**fields: Any) -> Lead:
    """Return a stored lead; ``is_active`` and the timestamps are possible arguments too."""
    own = {name: fields.pop(name) for name in ("is_active", "created_at", "updated_at", "closed_at") if name in fields}
    row = {"status": "new", "source": "website", "budget_min": None, "budget_max": None, "property_interest": None}
    lead = Lead.objects.create_lead({**row, **lead_row(**fields)}, SOMEBODY)
    if own:
        Lead.objects.filter(pk=lead.pk).update(**own)
        lead.refresh_from_db()
    return lead


def activity_row(**fields: Any) -> dict[str, Any]:
    """Return a body that ``POST /api/leads/{id}/activities`` accepts."""
    return {"activity_type": "call", "title": "Intro call", "activity_date": "2026-10-03", **fields}


def make_leads(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of leads for a bulk insert."""
    stored: list[dict[str, Any]] = []
    Lead.objects.bulk_create_leads(rows, SOMEBODY, stored.extend)
    return stored


def make_activity(lead: Lead, user: User, **fields: Any) -> Activity:
    """Return a stored activity, counted on its lead."""

    row, problems = validate(activity_row(**fields))
    assert not problems
    return Activity.objects.log(lead.pk, user, [row], Channel.API)[0]


def bearer(user: User) -> dict[str, str]:
    """Return the ``Authorization`` header of ``user``."""
    return {"Authorization": f"Bearer {access_token(user)}"}


def make_follow_up(lead: Lead, user: User, **fields: Any) -> FollowUp:
    """A stored follow-up, made by ``user`` and assigned to them; ``days`` is how many days from today it is due."""
    due_on = timezone.localdate() + timedelta(days=fields.pop("days", 0))
    row = {"title": "Call back", "kind": "call", "due_on": due_on, "due_time": None, "assignee_id": user.pk}
    return FollowUp.objects.plan(lead.pk, {**row, **fields}, Actor.of(user, Channel.API))
