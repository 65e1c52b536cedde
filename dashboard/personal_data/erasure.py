"""Erasing a person: one transaction, no way back. Rows, counts and dates stay; what tells who it was goes."""

import zlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from activities.models import Activity
from crm_project import values
from crm_project.api.idempotency import COMPRESSION
from crm_project.api.models import IdempotencyKey
from crm_project.events import event
from dashboard.personal_data import account_events
from dashboard.personal_data.account_events import log
from dashboard.personal_data.finding import Person, admin_log, log_of, person, signatures_of
from dashboard.signatures import SIGNED, overwrite, sign
from leads import erasing
from leads.back_office import kept
from leads.erasing import ERASED
from leads.importing import accounts
from leads.models import ImportRun, Lead
from leads.rules import PERSONAL
from users import authority
from users.actors import Actor
from users.audit import Action
from users.models import User

LONGEST_IMPORT = timedelta(days=1)
WAITING = "files waiting to be imported"
REPLIES = 20  # kept replies read at a time: each may hold ten thousand leads

Counts = dict[str, int]


class Erased(NamedTuple):
    """How much there was of each kind, and a ``stamp`` of what exactly it was, for a form to carry."""

    counts: Counts
    stamp: str


class Refused(Exception):
    """Why nothing was erased, in a sentence."""


class Outdated(Refused):
    """What there is to erase is no longer what was agreed to; nothing was erased."""


def erase(email: str, by: Actor, dry_run: bool = False, asker: User | None = None, agreed: str | None = None) -> Erased:
    """Erase whom an address stands for, as lead and as user.

    Files that wait to be imported go as well, whoever may be in them: they could bring the person back. Undos and other
    erasures are waited for; ``Refused`` while an import goes on, whose account is written when it has ended, and while
    somebody is at a file. With ``dry_run`` the same is done and rolled back, and no file touched. An ``asker`` is
    refused what ``refusal`` says; ``agreed`` is the stamp of a dry run that somebody said yes to. Raises
    ``values.Invalid`` for what is no address.
    """
    try:
        return _erase(email, by, dry_run, asker, agreed)
    except kept.Unreadable as unreadable:
        raise Refused(f"{unreadable}. Nothing was erased.") from None
    except kept.Busy as busy:
        raise Refused(f"{busy}: nothing was erased. Try again.") from None


def _erase(email: str, by: Actor, dry_run: bool, asker: User | None, agreed: str | None) -> Erased:
    _check_no_import()
    with transaction.atomic():
        whom, seen = _held(email)
        if asker and (refused := refusal(whom, asker)):
            raise Refused(refused)
        counts = _leads(whom, by) | _imports(whom) | _users(whom.users) | _account_events(whom) | _signatures(whom)
        found = any(counts.values())
        if found:
            counts[WAITING] = kept.waiting()
        erased = Erased(counts, sha256(repr((seen, *counts.items())).encode()).hexdigest())
        if agreed is not None and agreed != erased.stamp:
            raise Outdated("What is held has changed meanwhile.")
        if found and not dry_run:
            log(Action.ERASED_PERSONAL_DATA, whom, asker)
            # Last, and before the rows are gone for good: who is stopped here finds the rows again, and erases again.
            counts[WAITING] = kept.erase_uploads(whom.told_in, ERASED)
            kept.erase_rows(whom.told_in_row, ERASED)
        transaction.set_rollback(dry_run)
    if found and not dry_run:
        event("person_erased", leads=counts["leads"], activities=counts["activities"], users=counts["users"])
    return erased


def _check_no_import() -> None:
    """Raise ``Refused`` while an import goes on; for a day at most, where one cannot be told from one that died."""
    if run := accounts.going_on(started_at__gt=timezone.now() - LONGEST_IMPORT):
        raise Refused(f"An import is going on (run {run.pk}): nothing was erased. Try again when it has ended.")


def _held(email: str) -> tuple[Person, list[Any]]:
    """Whom the address stands for, their rows locked until the transaction ends; and at which versions these are.

    Rows may become theirs while others are waited for: it is looked again until all are held. All are let go then, to
    be locked in the order in which everybody locks them: leads by their ids, then users.
    """
    accounts.take_turn()
    _check_no_import()  # it would wait for this to end, with an account that it has begun
    leads: set[int] = set()
    users: set[int] = set()
    while True:
        before = transaction.savepoint()
        Lead.objects.locked_keys(leads)
        list(User.objects.filter(pk__in=users).select_for_update().order_by("pk").values_list("pk"))
        whom = person(email)
        theirs, own = set(whom.lead_ids), {user.pk for user in whom.users}
        if leads >= theirs and users >= own:
            break
        leads, users = leads | theirs, users | own
        transaction.savepoint_rollback(before)
    transaction.savepoint_commit(before)
    versions = Lead.objects.filter(pk__in=leads).order_by("pk").values_list("pk", "version")
    return whom, [*versions, *((user.pk, user.token_version) for user in whom.users)]


def refusal(whom: Person, asker: User) -> str:
    """Why ``asker`` may not erase that person; "" where they may."""
    if asker in whom.users:
        return "You cannot erase yourself."
    if all(authority.reaches(asker, user) for user in whom.users):
        return ""
    return "That is the address of an account that may do more than you: a superuser can erase it."


def _leads(whom: Person, by: Actor) -> Counts:
    ids = whom.lead_ids
    return {
        # First the rows' locks; the entry that tells of the erasure holds nothing to be erased.
        "leads": erasing.erase_leads(ids, by),
        "activities": Activity.objects.of_leads(ids).update(title=ERASED, notes=None),
        "history entries": erasing.erase_history(ids) + erasing.erase_address(whom.formerly, whom.email_key),
        "values kept to undo imports": erasing.erase_undo(ids),
        "kept replies": _kept_replies(whom),
        "lines of the back office's log": _overwrite(log_of(whom)),
    }


def _imports(whom: Person) -> Counts:
    telling = erasing.erase_told(whom)
    _overwrite(admin_log(ImportRun, telling))
    return {
        "problems of imports": erasing.erase_problems(whom),
        "names and messages of imports": len(telling),
        "bad rows kept for download": sum(1 for _ in kept.kept_rows(whom.told_in_row)),
    }


def _users(users: tuple[User, ...]) -> Counts:
    counts = Counter({"users": len(users)})
    for user in users:
        counts.update(_user(user))
    return dict(counts)


def _user(user: User) -> Counts:
    name = User.objects.erase(user)
    return {
        **sign(user.pk, name),
        "own kept replies": IdempotencyKey.objects.filter(user=user).delete()[0],
        "lines of the back office's log about the user": _overwrite(admin_log(User, [user.pk])),
    }


def _signatures(whom: Person) -> Counts:
    """The address as a name in words: of an account that had it as its user name once, and is another's now."""
    signed = zip(signatures_of(whom), SIGNED, strict=True)
    return {"signatures with the address": sum(overwrite(rows, column, ERASED) for rows, (*_, column) in signed)}


def _account_events(whom: Person) -> Counts:
    return {"entries of the audit log of accounts": account_events.erase(whom)}


def _overwrite(entries: "QuerySet[LogEntry]") -> int:
    return entries.update(object_repr=ERASED, change_message="")


def _kept_replies(whom: Person) -> int:
    """Replies kept for ``Idempotency-Key`` stay, so that nothing is done twice, without what they say of the leads.

    Of leads that are somebody else's now the address alone goes.
    """
    ids, formerly = set(whom.lead_ids), set(whom.formerly)
    if not ids and not formerly:
        return 0
    return _each_reply(lambda row: _emptied(row, ids) or _without_address(row, formerly, whom.email_key))


def _each_reply(emptied: Callable[[dict[str, Any]], bool]) -> int:
    written, last = 0, 0
    while some := list(IdempotencyKey.objects.filter(pk__gt=last).order_by("pk")[:REPLIES]):
        last = some[-1].pk
        for one in some:
            body = orjson.loads(zlib.decompress(one.body) or b"null")
            rows = body if isinstance(body, list) else [body]
            if sum(emptied(row) for row in rows if isinstance(row, dict)):
                packed = zlib.compress(orjson.dumps(body), COMPRESSION)
                written += IdempotencyKey.objects.filter(pk=one.pk).update(body=packed)
    return written


def _emptied(row: dict[str, Any], lead_ids: set[int]) -> bool:
    """Empty a lead, or an activity, of a reply where it is one of these leads'; says whether it is."""
    if row.get("lead_id") in lead_ids:
        row.update(title=ERASED, notes=None)
        return True
    if row.get("id") in lead_ids and PERSONAL.keys() <= row.keys():
        row.update(PERSONAL)
        return True
    return False


def _without_address(row: dict[str, Any], lead_ids: set[int], email_key: str) -> bool:
    """Take the address out of a reply's lead where it is one of these; says whether it was there."""
    theirs = row.get("id") in lead_ids and values.key(str(row.get("email", ""))) == email_key
    if theirs:
        row["email"] = ""
    return theirs
