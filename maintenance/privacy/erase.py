"""Erasure of a person in one transaction: identifying values are overwritten; rows, counts and dates remain."""

import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from django.db import transaction
from django.utils import timezone

from activities.models import Activity, FollowUp
from crm_project.db.locks import Lock, lock_for_transaction
from crm_project.events import event
from crm_project.http.idempotency import COMPRESSION
from crm_project.http.models import IdempotencyKey
from leads import write_sql
from leads.audit import Changes
from leads.importing import runs
from leads.models import Consent, ErasedContact, ImportRun, ImportUpdate, Lead, LeadChange, SavedView
from leads.querysets import apply_change
from leads.validators import ERASED, PERSONAL
from maintenance.attribution import ATTRIBUTIONS, overwrite_names, rename_user
from maintenance.privacy.export import log
from maintenance.privacy.imports import delete_files, erase_imports, lock_uploads, waiting_uploads
from maintenance.privacy.subject import DataSubject, PrivacyError, find_subject
from users import permissions
from users.audit import IDENTITY, AccountEvent, Action, Actor
from users.models import User

BATCH = 20  # stored replies or values at a time: a reply may have ten thousand leads
# The fields to erase in audit logs. "activities" and "follow_ups" are titles of rows that were undone, "title" and
# "notes" values of an activity that was changed, and "follow_up" is the kind and title of a follow-up.
FIELDS = {*PERSONAL, *IDENTITY, "activities", "title", "notes", "follow_up", "follow_ups"}


class PlanChanged(PrivacyError):
    """The data are no longer those that the user agreed to erase; nothing was erased."""


class Plan(NamedTuple):
    """The number of rows to erase by kind, and a digest of these rows, which a form sends back."""

    counts: dict[str, int]
    digest: str


def erase(
    email: str,
    actor: Actor,
    dry_run: bool = False,
    asker: User | None = None,
    agreed: str | None = None,
    remember: bool = True,
) -> Plan:
    """Erase a person, as lead and as user, and all uploads, which could bring the person back.

    ``remember`` stores digests of the leads' addresses and numbers, so that no import stores the person again. With
    ``dry_run`` all is rolled back and no file is deleted. ``agreed`` is the digest of the plan that the user agreed to.
    Waits for undos and other erasures. Raises ``PrivacyError`` if nothing was erased.
    """
    _check_no_import()
    with nullcontext() if dry_run else lock_uploads(), transaction.atomic():
        subject, versions = lock_subject(email)
        if asker and (reason := refusal(subject, asker)):
            raise PrivacyError(reason)
        if remember:
            _remember(subject)
        run_ids = erase_imports(subject)
        entries = subject.log_entries((ImportRun, run_ids))
        counts = {
            **_erase_leads(subject, actor),
            "imports": len(run_ids),
            "audit log entries": _erase_entries(subject),
            "back office log entries": entries.update(object_repr=ERASED, change_message=""),
            **_erase_users(subject),
        }
        if found := any(counts.values()):
            counts["files waiting to be imported"] = waiting_uploads()
        plan = Plan(counts, sha256(repr((versions, *counts.items())).encode()).hexdigest())
        if agreed not in (None, plan.digest):
            raise PlanChanged("The data have changed meanwhile. Nothing was erased: review and confirm again.")
        if found and not dry_run:
            log(Action.ERASED_PERSONAL_DATA, subject, asker)
            delete_files(run_ids)  # last: if it fails, the rows are rolled back, and can be erased again
        transaction.set_rollback(dry_run)
    if found and not dry_run:
        event("person_erased", leads=counts["leads"], activities=counts["activities"], users=counts["users"])
    return plan


def _remember(subject: DataSubject) -> None:
    contacts = Lead.objects.filter(pk__in=subject.lead_ids).values_list("email", "phone")
    if people := [pair for pair in contacts if any(pair)]:  # not of leads that were erased before
        ErasedContact.objects.remember([(subject.email, ""), *people])


def refusal(subject: DataSubject, asker: User) -> str:
    """Return why ``asker`` may not erase the person; "" if that is allowed."""
    if asker in subject.users:
        return "You cannot erase yourself."
    if all(permissions.may_change(asker, user) for user in subject.users):
        return ""
    return "That is the address of an account that may do more than you: a superuser can erase it."


def lock_subject(email: str) -> tuple[DataSubject, list[Any]]:
    """Lock all rows of the person; return the person, and the versions of these rows. Call it in a transaction.

    More rows may become the person's while it waits for locks. Then it starts again with all of them, so that it locks
    in the order of all writers: leads by their ids, then users.
    """
    lock_for_transaction(Lock.LOADING)  # with the timeout of the request, if it is one
    _check_no_import()  # an import that began meanwhile would store the person's data at its end
    lead_ids: set[int] = set()
    user_ids: set[int] = set()
    while True:
        before = transaction.savepoint()
        Lead.objects.locked_keys(lead_ids)
        list(User.objects.filter(pk__in=user_ids).select_for_update().order_by("pk").values_list("pk"))
        subject = find_subject(email)
        if lead_ids.issuperset(subject.lead_ids) and user_ids.issuperset(subject.user_ids):
            break
        lead_ids.update(subject.lead_ids)
        user_ids.update(subject.user_ids)
        transaction.savepoint_rollback(before)
    transaction.savepoint_commit(before)
    versions = Lead.objects.filter(pk__in=lead_ids).order_by("pk").values_list("pk", "version")
    return subject, [*versions, *((user.pk, user.token_version) for user in subject.users)]


def _check_no_import() -> None:
    """Raise ``PrivacyError`` during an import."""
    if run := runs.running_imports():
        raise PrivacyError(f"An import is running (run {run.pk}). Nothing was erased: try again when it has ended.")


def _erase_leads(subject: DataSubject, actor: Actor) -> dict[str, int]:
    now, ids = timezone.now(), subject.lead_ids
    for lead in Lead.objects.filter(pk__in=ids).order_by("pk"):
        entry: Changes = {ERASED: [False, True]} | ({"is_active": [True, False]} if lead.is_active else {})
        read_at = lead.version
        write_sql.update(lead, apply_change(lead, {**PERSONAL, "is_active": False}, now), entry, actor, now, read_at)
    stored = ImportUpdate.objects.filter(lead_id__in=[*ids, *subject.former_lead_ids])
    updates = [update for update in stored if _erase_row(update.before, subject, update.lead_id)]
    ImportUpdate.objects.bulk_update(updates, ["before"], batch_size=BATCH)
    return {
        "leads": len(ids),
        "activities": Activity.objects.of_leads(ids).update(title=ERASED, notes=None),
        "follow-ups": FollowUp.objects.of_leads(ids).update(title=ERASED),
        "consents": Consent.objects.filter(lead_id__in=ids).overwrite(wording=None, evidence=None),
        "values to undo imports": len(updates),
        "stored replies": _erase_replies(subject),
    }


def _erase_replies(subject: DataSubject) -> int:
    """Erase the person's rows in replies stored for ``Idempotency-Key``; return the number of replies.

    The replies remain, so that repeated requests are still recognized.
    """
    erased = 0
    for reply in IdempotencyKey.objects.order_by("pk").iterator(BATCH):
        body = orjson.loads(zlib.decompress(reply.body) or b"null")
        rows = list(_rows_of(body))
        if sum(_erase_row(row, subject, row.get("id")) for row in rows):
            packed = zlib.compress(orjson.dumps(body), COMPRESSION)
            erased += IdempotencyKey.objects.filter(pk=reply.pk).update(body=packed)
    return erased


def _rows_of(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of a reply: itself or those of its list, and the objects inside them."""
    for row in body if isinstance(body, list) else [body]:
        if isinstance(row, dict):
            yield row
            yield from (part for part in row.values() if isinstance(part, dict))


def _erase_row(row: dict[str, Any], subject: DataSubject, pk: int | None) -> bool:
    """Erase a stored object of the person's lead, activity or follow-up; in other objects, only the address.

    Return whether anything was erased.
    """
    if row.get("lead_id") in subject.lead_ids:
        row.update(
            {
                name: value
                for name, value in {"title": ERASED, "notes": None, "wording": None, "evidence": None}.items()
                if name in row
            }
        )
    elif pk in subject.lead_ids and "phone" in row:  # users have none
        blank = {**PERSONAL, "tags": []} if isinstance(row.get("tags"), list) else PERSONAL  # a list in replies
        row.update({name: value for name, value in blank.items() if name in row})
    elif subject.is_address(row.get("email")):
        row["email"] = ""
    else:
        return False
    return True


def _erase_users(subject: DataSubject) -> dict[str, int]:
    """Erase the accounts, and the address as a name on records of other accounts, which had it before a renaming."""
    counts = Counter({"users": len(subject.users)})
    for user in subject.users:
        counts.update(rename_user(user.pk, User.objects.anonymize(user)))
        counts["saved views"] += SavedView.objects.filter(user=user).delete()[0]
        counts["own stored replies"] += IdempotencyKey.objects.filter(user=user).delete()[0]
    for label, model, _, column in ATTRIBUTIONS:
        counts[label] += overwrite_names(subject.named_in(model, column), column, ERASED)
    return counts


def _erase_entries(subject: DataSubject) -> int:
    """Overwrite the personal fields in the audit logs of leads and accounts; in entries about others, the address."""

    def without_address(entry: Changes) -> Changes:
        return {field: [ERASED if subject.is_address(one) else one for one in pair] for field, pair in entry.items()}

    leads, accounts_of_others = subject.former_entries()
    return (
        LeadChange.objects.filter(lead_id__in=subject.lead_ids).rewrite_changes(_without_fields)
        + leads.rewrite_changes(without_address)
        + AccountEvent.objects.filter(target_user__in=subject.users).rewrite_changes(_without_fields)
        + accounts_of_others.rewrite_changes(without_address)
    )


def _without_fields(entry: Changes) -> Changes:
    return {field: [*map(_erased, pair)] if field in FIELDS else pair for field, pair in entry.items()}


def _erased(value: Any) -> Any:
    return [ERASED for _ in value] if isinstance(value, list) else value and ERASED
