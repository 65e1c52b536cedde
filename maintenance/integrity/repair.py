"""Repair what ``checks.py`` found, in one transaction: everything, or nothing if an error occurs.

Each value is computed anew from locked rows, since others may have written after the check. The transaction begins
after the check, so that SQLite blocks other writers only during the repair.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from django.db import IntegrityError, connection, transaction

from activities.models import FollowUp
from crm_project.db import bulk
from crm_project.db.locks import Lock, lock_for_transaction
from leads import search_keys
from leads.models import Consent, ImportRun, Lead
from maintenance.attribution import rename_user
from maintenance.integrity import checks
from maintenance.integrity.checks import BATCH, IMPORTED_MODELS, Inconsistency, retains_rows
from users.models import User

LEAD_COLUMNS = (*search_keys.SearchKeys._fields, "tag_keys", "closed_at", "activity_count")


def repair(found: Iterable[Inconsistency]) -> list[Inconsistency]:
    """Store the expected values of the records in ``found``; return what only the operator can resolve.

    That is a key of a user which another user has. Leads get no new version, since no field that clients write changes.
    """
    records: dict[str, set[int]] = {}
    for inconsistency in found:
        if inconsistency.kind != "lead" or inconsistency.column != "import_run":  # repair_imports covers these
            records.setdefault(inconsistency.kind, set()).add(inconsistency.pk)
    with transaction.atomic():
        lock_for_transaction(Lock.REPAIR, patient=True)  # two repairs at once would add the missing counts twice
        repair_leads(sorted(records.get("lead", ())))
        repair_lead_counts()
        repair_follow_ups()
        for kind in IMPORTED_MODELS:
            repair_imports(kind)
        repair_attribution(records.get("user", ()))
        return repair_users(sorted(records.get("user", ())))


def repair_leads(ids: Sequence[int]) -> None:
    """Store the derived columns of the leads with these ``ids``."""
    for batch in in_batches(ids):
        # Lock first, then read: logging an activity waits for the row, so the count cannot change meanwhile.
        locked = Lead.objects.filter(pk__in=batch).select_for_update().order_by("pk").values_list("pk", flat=True)
        repaired = []
        for lead in checks.with_activity_total(Lead.objects.filter(pk__in=list(locked))):
            for column, (_, expected) in checks.compare_lead(lead).items():
                setattr(lead, column, expected)
            repaired.append(lead)
        bulk.update(Lead, repaired, LEAD_COLUMNS)


def in_batches(ids: Sequence[int]) -> Iterator[list[int]]:
    """Yield ``BATCH`` ids at a time."""
    remaining = iter(ids)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def repair_lead_counts() -> None:
    """Append the differences to PostgreSQL's counts, as triggers do. One statement, so that it reads one snapshot."""
    if connection.vendor == "postgresql":
        columns = "kind, status, day, leads, activities"
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO leads_leadcount ({columns}) {checks.COUNT_DIFFERENCES}")


def repair_follow_ups() -> None:
    """Move consents and follow-ups of merged leads to the survivor; remove activities of other leads from
    follow-ups.
    """
    for inconsistency in list(checks.check_consents()):
        Consent.objects.filter(pk=inconsistency.pk).overwrite(lead_id=inconsistency.expected)
    for inconsistency in list(checks.check_follow_ups()):
        column = f"{inconsistency.column}_id"
        FollowUp.objects.filter(pk=inconsistency.pk).update(**{column: inconsistency.expected})


def repair_imports(kind: str) -> None:
    """Set the ``created`` total of each import to the rows that name it, with a note of the earlier total.

    ``read`` changes by the same number, since it is the sum of all outcomes. Rows that name an import which cannot
    have created them, or which does not exist, name none afterwards.
    """
    rows = IMPORTED_MODELS[kind].objects  # type: ignore[attr-defined]
    for inconsistency in list(checks.check_imports(kind)):
        run = ImportRun.objects.select_for_update().get(pk=inconsistency.pk)
        if run.kind != kind or not retains_rows(kind, run.state):
            rows.filter(import_run=run).update(import_run=None)
            continue
        stored = rows.filter(import_run=run).count()
        run.notes.append(f"verify --repair: {run.created:,} {kind} were recorded as created, {stored:,} exist")
        run.read += stored - run.created
        run.created = stored
        run.save(update_fields=["read", "created", "notes"])
    orphans = [inconsistency.pk for inconsistency in checks.check_missing_imports(kind)]
    for batch in in_batches(orphans):
        rows.filter(pk__in=batch).update(import_run=None)


def repair_attribution(ids: Collection[int]) -> None:
    """Store the present name of erased users on their records."""
    for user in User.objects.anonymized():
        if user.pk in ids:
            rename_user(user.pk, user.username)


def repair_users(ids: Sequence[int]) -> list[Inconsistency]:
    """Store the keys of users; return those that another user has, which remain unchanged."""
    unresolved = []
    locked = User.objects.filter(pk__in=ids).select_for_update().order_by("pk")
    for user in list(locked):
        row = User.objects.filter(pk=user.pk)
        for inconsistency in list(checks.check_users(row)):
            try:
                with transaction.atomic():
                    row.update(**{inconsistency.column: inconsistency.expected})
            except IntegrityError:
                unresolved.append(inconsistency)
    return unresolved
