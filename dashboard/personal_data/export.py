"""All that is held about a person, as one JSON document, a piece at a time: an agent may have a million activities."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from django.db.models import F, QuerySet

from activities.models import Activity
from crm_project import values
from crm_project.events import event
from dashboard.personal_data import account_events
from dashboard.personal_data.finding import Person, admin_log, log_of, signatures_of
from leads import erasing
from leads.back_office import kept
from leads.models import ImportRun, ImportUpdate, Lead, LeadChange
from users import second_factor
from users.attempts import LoginFailure, hidden
from users.audit import Action
from users.models import User, UserSession
from users.refresh import RefreshToken

Row = Mapping[str, object]

OF_ACTIVITIES = (
    *("id", "lead_id", "user_id", "user_name", "activity_type", "title", "notes", "duration"),
    *("activity_date", "created_at", "door", "import_run_id"),
)
# What these say of leads is about other people.
OF_SIGNED = (
    "id",
    "lead_id",
    "user_id",
    "user_name",
    "activity_type",
    "duration",
    "activity_date",
    "created_at",
    "door",
)
OF_LOG = ("action_time", "user_id", "object_id", "object_repr")
OF_SESSIONS = ("started_at", "last_used_at", "address", "browser")
OF_USER = (
    *("id", "username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"),
    *("created_at", "last_login", "awaiting_approval_since"),
)


def document(whom: Person, asker: User | None = None) -> Iterator[str]:
    """The document's pieces: an object of lists, every one of them there even if empty. The logs tell of it at once.

    ``asker`` is ``None`` for an operator at the command line.
    """
    account_events.log(Action.EXPORTED_PERSONAL_DATA, whom, asker)
    event("person_exported", leads=len(whom.lead_ids), users=len(whom.users))
    return _pieces(whom)


def held(whom: Person) -> dict[str, int]:
    """How much the document holds of everything, by the names it has there."""
    return {
        name: rows.count() if isinstance(rows, QuerySet) else sum(1 for _ in rows)
        for name, rows in _lists(whom).items()
    }


def _pieces(whom: Person) -> Iterator[str]:
    yield f'{{"email": {_json(whom.email)}'
    for name, rows in _lists(whom).items():
        yield f',\n "{name}": ['
        for place, row in enumerate(rows.iterator() if isinstance(rows, QuerySet) else rows):
            yield f"{',' * bool(place)}\n  {_json(row)}"
        yield "]"
    yield "}\n"


def _lists(whom: Person) -> dict[str, Iterable[Row]]:
    return {**_as_lead(whom), **_as_users(whom.users), "account_events": account_events.entries(whom)}


def _as_lead(whom: Person) -> dict[str, Iterable[Row]]:
    ids = whom.lead_ids
    return {
        "leads": Lead.objects.filter(pk__in=ids).order_by("pk").annotate(author=F("created_by__name")).values(),
        "activities": Activity.objects.of_leads(ids).order_by("pk").values(*OF_ACTIVITIES),
        "history": _history(whom),
        "kept_to_undo_imports": ImportUpdate.objects.filter(lead_id__in=ids).values("run_id", "lead_id", "before"),
        "problems_of_imports": (
            {"run_id": run_id, **problem} for run_id, found in erasing.problems_of(whom) for problem in found
        ),
        "imports_that_tell_of_them": ({"run_id": run_id, "told": told} for run_id, told in erasing.runs_telling(whom)),
        "bad_rows_kept": ({"run_id": run_id, "row": row} for run_id, row in kept.kept_rows(whom.surely_told_in_row)),
        "back_office_log": log_of(whom).values(*OF_LOG),
        "signed_with_the_address": _signed(whom),
    }


def _as_users(users: tuple[User, ...]) -> dict[str, Iterable[Row]]:
    runs = ImportRun.objects.order_by("pk")
    signed = Activity.objects.filter(user__in=users).order_by("pk")
    entries = LeadChange.objects.filter(user__in=users).order_by("pk")
    created = Lead.objects.filter(created_by__user__in=users).order_by("pk")
    names = [hidden(values.key(user.username)) for user in users]
    return {
        "users": [{**{field: getattr(user, field) for field in OF_USER}, **_allowed(user)} for user in users],
        "activities_signed": signed.values(*OF_SIGNED),
        "history_signed": entries.values("id", "lead_id", "at", "kind", "door", "user_name"),
        "leads_created": created.values("id", "created_at", "created_through", name=F("created_by__name")),
        "imports_started": runs.filter(user__in=users).values("id", "started_at", "finished_at", "started_by"),
        "imports_undone": runs.filter(undone_by_user__in=users).values("id", "undone_at", "undone_by"),
        "logins_remembered": RefreshToken.objects.filter(user__in=users).values("rotated_at", "expires_at"),
        "sessions": UserSession.objects.filter(user__in=users).values(*OF_SESSIONS),
        "failed_logins": LoginFailure.objects.filter(name__in=names).values("address", "failed_at"),
        "second_factors": (row for user in users for row in second_factor.described(user)),
        "back_office_log_about_the_user": admin_log(User, [user.pk for user in users]).values(*OF_LOG),
    }


def _history(whom: Person) -> Iterator[Row]:
    """All of their leads; of leads that are somebody else's by now, the address alone."""
    entries = LeadChange.objects.filter(lead_id__in=[*whom.lead_ids, *whom.formerly]).order_by("pk")
    for row in entries.values().iterator():
        if row["lead_id"] in whom.lead_ids:
            yield row
        elif any(_is_theirs(value, whom) for value in row["changes"].get("email", [])):
            pair = [value if _is_theirs(value, whom) else None for value in row["changes"]["email"]]
            yield {"id": row["id"], "lead_id": row["lead_id"], "at": row["at"], "changes": {"email": pair}}


def _is_theirs(address: object, whom: Person) -> bool:
    return values.key(str(address or "")) == whom.email_key


def _signed(whom: Person) -> Iterator[Row]:
    activities, entries, created, started, undone, acted, targeted = signatures_of(whom)
    yield from activities.values("id", "lead_id", "user_id", "user_name", "created_at").iterator()
    yield from entries.values("id", "lead_id", "user_id", "user_name", "at").iterator()
    yield from created.values("id", "user_id", "name").iterator()
    yield from started.values("id", "user_id", "started_by", "started_at")
    yield from undone.values("id", "undone_by_user_id", "undone_by", "undone_at")
    yield from acted.values("id", "actor_id", "actor_name", "at")
    yield from targeted.values("id", "target_user_id", "target_name", "at")


def _allowed(user: User) -> Row:
    own = user.user_permissions.values_list("codename", flat=True)
    return {"groups": sorted(user.groups.values_list("name", flat=True)), "user_permissions": sorted(own)}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
