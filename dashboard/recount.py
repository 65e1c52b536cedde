"""What is stored twice, made again from what it follows from, and compared: folded columns, counts, accounts.

Nothing is locked to look: each comparison is one statement, or one row, so that others may write meanwhile. A million
leads pass by in batches. Mending takes a batch's rows under lock and makes the values anew from those.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Coalesce

from activities.models import Activity
from crm_project import values
from leads import rules
from leads.importing import load
from leads.models import ImportRun, Lead
from users.models import User

BATCH = 1000  # leads
DERIVED = rules.Derived._fields
MENDED = (*DERIVED, "closed_at", "activity_count")


class Difference(NamedTuple):
    """One value that is not what it follows from; ``mended`` tells whether it is now."""

    where: str
    column: str
    stored: Any
    right: Any
    mended: bool = False


def differences(fix: bool = False) -> Iterator[Difference]:
    """All of them; with ``fix`` they are mended as they are met, except for accounts of imports, which are history."""
    yield from users(fix)
    yield from leads(fix)
    yield from kept_counts(fix)
    yield from imports()


def users(fix: bool) -> Iterator[Difference]:
    """Keys by which names and addresses compare. One that would make two users equal is left to the operator."""
    for user in User.objects.only("username", "email", "username_key", "email_key").order_by("pk").iterator():
        right = {"username_key": values.key(user.username), "email_key": values.key(user.email) or None}
        wrong = {name: value for name, value in right.items() if getattr(user, name) != value}
        mended = fix and bool(wrong) and _mend_user(user.pk, wrong)
        for name, value in wrong.items():
            yield Difference(f"user {user.pk}", name, getattr(user, name), value, mended)


def _mend_user(pk: int, wrong: dict[str, Any]) -> bool:
    try:
        with transaction.atomic():
            return bool(User.objects.filter(pk=pk).update(**wrong))
    except IntegrityError:
        return False


def leads(fix: bool) -> Iterator[Difference]:
    """Folded forms, ``closed_at`` and ``activity_count``. Mending moves no version: no lead's own field changes."""
    last = 0
    while batch := list(_counted(Lead.objects.filter(pk__gt=last).order_by("pk")[:BATCH])):
        last = batch[-1].pk
        found = {lead.pk: wrong for lead in batch if (wrong := _wrong(lead))}
        if fix and found:
            _mend_leads(list(found))
        for pk, wrong in found.items():
            for column, (stored, right) in wrong.items():
                yield Difference(f"lead {pk}", column, stored, right, fix)


def _counted(queryset: models.QuerySet[Lead]) -> models.QuerySet[Lead]:
    """Leads with the number of their activities, as of one statement."""
    own = Activity.objects.filter(lead=OuterRef("pk")).order_by().values("lead").annotate(number=Count("pk"))
    return queryset.defer("property_interest").annotate(counted=Coalesce(own.values("number"), 0))


def _wrong(lead: Any) -> dict[str, tuple[Any, Any]]:
    """Column by column, what is stored and what is right."""
    right = rules.derive(*(getattr(lead, name) for name in rules.SOURCES_OF_DERIVED))._asdict()
    right["activity_count"] = lead.counted
    if (lead.status == rules.CLOSED) != (lead.closed_at is not None):
        # When it became closed is not known any more: at the latest when it last changed.
        right["closed_at"] = lead.updated_at if lead.status == rules.CLOSED else None
    return {name: (getattr(lead, name), value) for name, value in right.items() if getattr(lead, name) != value}


def _mend_leads(ids: Sequence[int]) -> None:
    with transaction.atomic():
        # Locked first and read then: whoever logs an activity waits for the row, so that the count stands still.
        locked = Lead.objects.filter(pk__in=ids).select_for_update().order_by("pk").values_list("pk", flat=True)
        mended = []
        for lead in _counted(Lead.objects.filter(pk__in=list(locked))):
            for name, (_, right) in _wrong(lead).items():
                setattr(lead, name, right)
            mended.append(lead)
        load.update(Lead, mended, MENDED)


RECOUNT = """
SELECT kind, status, day, sum(leads) AS leads, sum(activities) AS activities FROM (
    SELECT 'status' AS kind, status, NULL::date AS day, count(*) AS leads, sum(activity_count) AS activities
    FROM leads_lead WHERE is_active GROUP BY status
    UNION ALL
    SELECT 'created', '', (created_at AT TIME ZONE 'UTC')::date, count(*), 0
    FROM leads_lead WHERE is_active GROUP BY 3
    UNION ALL
    SELECT 'closed', '', (closed_at AT TIME ZONE 'UTC')::date, count(*), 0
    FROM leads_lead WHERE is_active AND status = 'closed' AND closed_at IS NOT NULL GROUP BY 3
    UNION ALL
    SELECT kind, status, day, -leads, -activities FROM leads_leadcount
) AS both_sides
GROUP BY kind, status, day HAVING sum(leads) <> 0 OR sum(activities) <> 0
"""


def kept_counts(fix: bool) -> Iterator[Difference]:
    """PostgreSQL's kept counts (``LeadCount``). SQLite keeps none.

    What is missing is appended, as triggers do: in one statement both sides are of one moment, whoever writes.
    """
    if connection.vendor != "postgresql":
        return
    append = f"INSERT INTO leads_leadcount (kind, status, day, leads, activities) {RECOUNT}"
    with connection.cursor() as cursor:
        cursor.execute(f"{append} RETURNING kind, status, day, leads, activities" if fix else RECOUNT)
        for kind, status, day, more_leads, more_activities in cursor.fetchall():
            off = f"{-more_leads:+} leads, {-more_activities:+} activities"
            yield Difference(f"count {kind} {status or day}", "sum", off, "no difference", fix)


def imports() -> Iterator[Difference]:
    """Accounts of imports against the leads that say they came with them."""
    stored = Lead.objects.filter(import_run=OuterRef("pk")).order_by().values("import_run").annotate(number=Count("pk"))
    for run in ImportRun.objects.annotate(stored=Coalesce(stored.values("number"), 0)).order_by("pk").iterator():
        kept = run.kind == "leads" and run.state in (ImportRun.State.DONE, ImportRun.State.UNDONE)
        if run.stored != (right := run.created if kept else 0):
            yield Difference(f"import {run.pk}", "leads", run.stored, right)
    nowhere = Lead.objects.exclude(import_run=None).exclude(Exists(ImportRun.objects.filter(pk=OuterRef("import_run"))))
    for pk, run_id in nowhere.order_by("pk").values_list("pk", "import_run_id").iterator():
        yield Difference(f"lead {pk}", "import_run", run_id, "a run that is there")


def checked() -> dict[str, int]:
    """How much there is to look at."""
    counted: dict[str, Callable[[], int]] = {
        "users": User.objects.count,
        "leads": Lead.objects.count,
        "activities": Activity.objects.count,
        "imports": ImportRun.objects.count,
    }
    return {noun: count() for noun, count in counted.items()}
