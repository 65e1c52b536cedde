"""Export of all data of a person as one JSON document, in parts: an agent may have a million activities."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Q, QuerySet

from activities.models import Activity, FollowUp
from crm_project import validation
from crm_project.events import event
from leads.models import Consent, ImportRun, ImportUpdate, Lead, LeadChange, SavedView
from maintenance.attribution import ATTRIBUTIONS
from maintenance.privacy.imports import imports_about
from maintenance.privacy.subject import NOT_SEARCHED, DataSubject
from users import second_factor
from users.audit import AccountEvent, Action, Channel, log_account_event
from users.models import User, UserSession
from users.refresh import RefreshToken
from users.throttle import LoginFailure, hash_identifier

NAMED = 100  # ids of leads in an entry of the audit log
USER = (
    *("id", "username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"),
    *("created_at", "last_login", "awaiting_approval_since", "wants_reminders"),
)

Lists = dict[str, Iterable[Mapping[str, Any]]]


def export(subject: DataSubject, asker: User | None = None, ascii_only: bool = False) -> Iterator[str]:
    """Log the export, and return the parts of the document. ``asker`` is ``None`` for an operator."""
    log(Action.EXPORTED_PERSONAL_DATA, subject, asker)
    event("person_exported", leads=len(subject.lead_ids), users=len(subject.users))
    return _pieces(subject, DjangoJSONEncoder(ensure_ascii=ascii_only))


def count(subject: DataSubject) -> dict[str, int]:
    """Return the length of each list of the document."""
    lists = _lists(subject).items()
    return {name: rows.count() if isinstance(rows, QuerySet) else sum(1 for _ in rows) for name, rows in lists}


def log(action: Action, subject: DataSubject, asker: User | None) -> None:
    """Add an entry to the audit log for each account of the person, or one about the leads."""
    after = {"leads": len(subject.lead_ids), "lead_ids": subject.lead_ids[:NAMED]}
    channel = Channel.ADMIN if asker else Channel.CLI
    for user in subject.users or (None,):
        log_account_event(action, actor=asker, target=user, channel=channel, after=after)


def _pieces(subject: DataSubject, encoder: json.JSONEncoder) -> Iterator[str]:
    key, given = ("email", subject.email) if subject.email else ("phone", subject.phone)
    yield f'{{"{key}": {encoder.encode(given)},\n "not_searched": {encoder.encode(NOT_SEARCHED)}'
    for name, rows in _lists(subject).items():
        yield f',\n "{name}": ['
        for place, row in enumerate(rows.iterator() if isinstance(rows, QuerySet) else rows):
            yield f"{',' * bool(place)}\n  {encoder.encode(row)}"
        yield "]"
    yield "}\n"


def _lists(subject: DataSubject) -> Lists:
    ids, log_entries = subject.lead_ids, subject.log_entries()
    return {
        "leads": Lead.objects.filter(pk__in=ids).order_by("pk").annotate(author=F("created_by__name")).values(),
        "activities": Activity.objects.of_leads(ids).order_by("pk").values(),
        "follow_ups": FollowUp.objects.of_leads(ids).order_by("pk").values(),
        "consents": Consent.objects.filter(lead_id__in=ids).order_by("pk").values(),
        "history": LeadChange.objects.filter(lead_id__in=ids).order_by("pk").values(),
        "values_to_undo_imports": ImportUpdate.objects.filter(lead_id__in=ids).values("run_id", "lead_id", "before"),
        "imports": imports_about(subject),
        "back_office_log": log_entries.values("action_time", "user_id", "object_id", "object_repr"),
        **_lists_of(subject.users),
        "former_use_of_the_address": _former_use(subject),
    }


def _lists_of(users: list[User]) -> Lists:
    """Return the lists of the accounts. Records about other people are listed without data of these people."""
    signed = Activity.objects.filter(user__in=users).order_by("pk")
    changed = LeadChange.objects.filter(user__in=users).order_by("pk")
    created = Lead.objects.filter(created_by__user__in=users).order_by("pk")
    recorded = Consent.objects.filter(user__in=users).order_by("pk")
    planned = FollowUp.objects.filter(Q(assignee__in=users) | Q(created_by__in=users)).order_by("pk")
    runs, events = ImportRun.objects.order_by("pk"), AccountEvent.objects.order_by("pk")
    sessions = UserSession.objects.filter(user__in=users)
    names = [hash_identifier(validation.normalized_key(user.username)) for user in users]
    return {
        "users": User.objects.filter(pk__in=[user.pk for user in users]).order_by("pk").values(*USER),
        "groups": Group.objects.filter(user__in=users).order_by("name").values("user", "name"),
        "permissions": Permission.objects.filter(user__in=users).values("user", "codename"),
        "activities_signed": signed.values("id", "lead_id", "user_name", "activity_type", "created_at"),
        "changes_made": changed.values("id", "lead_id", "at", "kind", "channel", "user_name"),
        "follow_ups_assigned_or_made": planned.values("id", "lead_id", "assignee_id", "created_by_id", "created_at"),
        "leads_created": created.values("id", "created_at", "created_channel", name=F("created_by__name")),
        "consents_recorded": recorded.values("id", "lead_id", "channel", "state", "user_name", "created_at"),
        "saved_views": SavedView.objects.filter(user__in=users).values("name", "query", "is_shared"),
        "leads_owned": Lead.objects.filter(owner__in=users).order_by("pk").values("id"),
        "imports_started": runs.filter(user__in=users).values("id", "started_at", "finished_at", "started_by"),
        "imports_undone": runs.filter(undone_by_user__in=users).values("id", "undone_at", "undone_by"),
        "logins_remembered": RefreshToken.objects.filter(user__in=users).values("rotated_at", "expires_at"),
        "sessions": sessions.values("started_at", "last_used_at", "address", "browser"),
        "failed_logins": LoginFailure.objects.filter(name__in=names).values("address", "failed_at"),
        "second_factors": [row for user in users for row in second_factor.described(user)],
        "account_events": events.filter(target_user__in=users).values(),
        "account_changes_made": events.filter(actor__in=users).values("id", "at", "action", "channel", "actor_name"),
    }


def _former_use(subject: DataSubject) -> Iterator[dict[str, Any]]:
    """Yield log entries of leads and accounts that once had the address, and records that have it as a name."""
    for entries in subject.former_entries():
        for pk, at, pairs in entries.order_by("pk").values_list("pk", "at", "changes").iterator():
            if fields := [field for field, pair in pairs.items() if any(map(subject.is_address, pair))]:
                yield {"id": pk, "at": at, "fields": fields}
    for record, model, user, column in ATTRIBUTIONS:
        named = subject.named_in(model, column).exclude(**{f"{user}__in": subject.users})
        yield from ({"id": pk, "record": record} for pk in named.order_by("pk").values_list("pk", flat=True))
