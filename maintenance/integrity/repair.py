"""Mending what ``checks.py`` found, in one transaction: all of it, or, where anything goes wrong, nothing.

Each value is made anew from rows that are locked by then, since others may have written between the look and the mend.
The transaction begins after the look, so that SQLite, where it keeps all writers out, is locked for the mending alone.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from django.db import IntegrityError, connection, transaction

from leads import rules
from leads.importing import load
from leads.models import ImportRun, Lead
from maintenance.attribution import sign
from maintenance.integrity import checks
from maintenance.integrity.checks import BATCH, ROWS_OF, Difference, keeps
from users.models import User

MENDED = (*rules.Derived._fields, "closed_at", "activity_count")
LOCK = 0x1EAF  # the first half of PostgreSQL's advisory lock keys, as in leads/importing/accounts.py


def repair(found: Iterable[Difference]) -> list[Difference]:
    """Store what is right where ``found`` says that something else is; returns what had to be left for the operator.

    That is a key of a user which another user has. Leads' versions stay: none of their own fields changes.
    """
    wrong: dict[str, set[int]] = {}
    for one in found:
        if one.kind != "lead" or one.column != "import_run":  # settled by settle_accounts
            wrong.setdefault(one.kind, set()).add(one.pk)
    with transaction.atomic():
        _one_at_a_time()
        mend_leads(sorted(wrong.get("lead", ())))
        append_counts()
        for kind in ROWS_OF:
            settle_accounts(kind)
        sign_anew(wrong.get("user", ()))
        return mend_users(sorted(wrong.get("user", ())))


def _one_at_a_time() -> None:
    """Two that append what the counts lack would append it twice."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [LOCK])


def mend_leads(ids: Sequence[int]) -> None:
    """Derived columns of the leads with these ``ids``."""
    for batch in batches(ids):
        # Locked first and read then: whoever logs an activity waits for the row, so that the count stands still.
        locked = Lead.objects.filter(pk__in=batch).select_for_update().order_by("pk").values_list("pk", flat=True)
        mended = []
        for lead in checks.counted(Lead.objects.filter(pk__in=list(locked))):
            for name, (_, right) in checks.wrong(lead).items():
                setattr(lead, name, right)
            mended.append(lead)
        load.update(Lead, mended, MENDED)


def batches(ids: Sequence[int]) -> Iterator[list[int]]:
    """``BATCH`` at a time."""
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


def append_counts() -> None:
    """What PostgreSQL's kept counts lack, appended as triggers do: one statement, of one moment."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO leads_leadcount (kind, status, day, leads, activities) {checks.RECOUNT}")


def settle_accounts(kind: str) -> None:
    """Let each import have created the rows that say so, with a note of what its account said.

    ``read`` goes along, since it is the sum of what became of every row. Rows that name an import which cannot have
    brought them in, or which is not there, name none any more.
    """
    rows = ROWS_OF[kind].objects  # type: ignore[attr-defined]
    for one in list(checks.imports(kind)):
        run = ImportRun.objects.select_for_update().get(pk=one.pk)
        if run.kind != kind or not keeps(kind, run.state):
            rows.filter(import_run=run).update(import_run=None)
            continue
        stored = rows.filter(import_run=run).count()
        run.notes.append(f"verify --repair: {run.created:,} {kind} were said to be created, {stored:,} are there")
        run.read += stored - run.created
        run.created = stored
        run.save(update_fields=["read", "created", "notes"])
    nowhere = [one.pk for one in checks.orphans(kind)]
    for batch in batches(nowhere):
        rows.filter(pk__in=batch).update(import_run=None)


def sign_anew(ids: Collection[int]) -> None:
    """Let what erased users signed with the name they had be signed with the one that stands for them."""
    for user in User.objects.erased():
        if user.pk in ids:
            sign(user.pk, user.username)


def mend_users(ids: Sequence[int]) -> list[Difference]:
    """Keys of users; returns those that would make two users equal, which are left."""
    left = []
    locked = User.objects.filter(pk__in=ids).select_for_update().order_by("pk")
    for user in list(locked):
        mine = User.objects.filter(pk=user.pk)
        for one in list(checks.users(mine)):
            try:
                with transaction.atomic():
                    mine.update(**{one.column: one.right})
            except IntegrityError:
                left.append(one)
    return left
