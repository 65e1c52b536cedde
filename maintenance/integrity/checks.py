"""What is stored twice, made again from what it follows from, and compared: folded columns, counts, accounts.

Nothing is locked to look: each comparison is one statement, or one row, so that others may write meanwhile. A million
leads pass by in batches. ``repair.py`` mends what was found.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Coalesce

from activities.models import Activity
from crm_project import values
from leads import rules
from leads.models import ImportRun, Lead
from maintenance.attribution import SIGNED
from users.models import User

BATCH = 1000  # leads
ROWS_OF = {"leads": Lead, "activities": Activity}  # what an import of each kind brings in


class Difference(NamedTuple):
    """One value that is not what it follows from; ``pk`` is that of the user, lead or import, if it is one of those."""

    kind: str
    pk: int
    column: str
    stored: Any
    right: Any

    @property
    def where(self) -> str:
        """What it is a value of."""
        return f"{self.kind} {self.pk}" if self.pk else self.kind


def differences() -> Iterator[Difference]:
    """All of them."""
    yield from users(User.objects.order_by("pk"))
    yield from signatures()
    yield from leads()
    yield from kept_counts()
    for kind in ROWS_OF:
        yield from imports(kind)
        yield from orphans(kind)


def users(queryset: models.QuerySet[User]) -> Iterator[Difference]:
    """Keys by which names and addresses compare."""
    for user in queryset.only("username", "email", "username_key", "email_key").iterator():
        right = {"username_key": values.key(user.username), "email_key": values.key(user.email) or None}
        for name, value in right.items():
            if (stored := getattr(user, name)) != value:
                yield Difference("user", user.pk, name, stored, value)


def signatures() -> Iterator[Difference]:
    """What users who were erased have signed with the name they had: it was written in the moment of their erasure.

    The name is not told.
    """
    names = {user.pk: user.username for user in User.objects.erased()}
    wrong: Counter[int] = Counter()
    for _, model, user, name in SIGNED if names else ():
        signed = model.objects.filter(**{f"{user}__in": names}).order_by().values_list(user, name)
        for pk, told, number in signed.annotate(number=Count("pk")):
            wrong[pk] += number if told != names[pk] else 0
    for pk, number in sorted((+wrong).items()):
        yield Difference("user", pk, "signatures", number, 0)


def leads() -> Iterator[Difference]:
    """Folded forms, ``closed_at`` and ``activity_count``."""
    last = 0
    while batch := list(counted(Lead.objects.filter(pk__gt=last).order_by("pk")[:BATCH])):
        last = batch[-1].pk
        for lead in batch:
            for column, (stored, right) in wrong(lead).items():
                yield Difference("lead", lead.pk, column, stored, right)


def counted(queryset: models.QuerySet[Lead]) -> models.QuerySet[Lead]:
    """Leads with the number of their activities, as of one statement."""
    own = Activity.objects.filter(lead=OuterRef("pk")).order_by().values("lead").annotate(number=Count("pk"))
    return queryset.defer("property_interest").annotate(counted=Coalesce(own.values("number"), 0))


def wrong(lead: Any) -> dict[str, tuple[Any, Any]]:
    """Column by column, what is stored and what is right."""
    right = rules.derive(*(getattr(lead, name) for name in rules.SOURCES_OF_DERIVED))._asdict()
    right["activity_count"] = lead.counted
    if (lead.status == rules.CLOSED) != (lead.closed_at is not None):
        # When it became closed is not known any more: at the latest when it last changed.
        right["closed_at"] = lead.updated_at if lead.status == rules.CLOSED else None
    return {name: (getattr(lead, name), value) for name, value in right.items() if getattr(lead, name) != value}


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
ORDER BY kind, status, day
"""


def kept_counts() -> Iterator[Difference]:
    """PostgreSQL's kept counts (``LeadCount``): what is missing of each. SQLite keeps none."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(RECOUNT)
            for kind, status, day, more_leads, more_activities in cursor.fetchall():
                off = f"{-more_leads:+} leads, {-more_activities:+} activities"
                yield Difference(f"count {kind} {status or day}", 0, "sum", off, "no difference")


def imports(kind: str) -> Iterator[Difference]:
    """Accounts of imports of that kind against the rows that say they came with them."""
    rows = connection.ops.quote_name(ROWS_OF[kind]._meta.db_table)
    statement = f"""
        SELECT run.id, run.kind, run.state, run.created, coalesce(came.number, 0) FROM leads_importrun AS run LEFT JOIN
            (SELECT import_run_id, count(*) AS number FROM {rows} WHERE import_run_id IS NOT NULL GROUP BY 1) AS came
        ON came.import_run_id = run.id WHERE run.kind = %s OR came.number > 0 ORDER BY run.id
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [kind])
        for pk, run_kind, state, created, stored in cursor.fetchall():
            right = created if run_kind == kind and keeps(kind, state) else 0
            if stored != right:
                yield Difference("import", pk, kind, stored, right)


def keeps(kind: str, state: str) -> bool:
    """Whether what such a run created is there: leads are deleted softly by an undo, activities really."""
    return state == ImportRun.State.DONE or (kind == "leads" and state == ImportRun.State.UNDONE)


def orphans(kind: str) -> Iterator[Difference]:
    """Rows that say they came with an import that there is none of."""
    claiming: models.QuerySet[Any] = ROWS_OF[kind].objects.exclude(import_run=None)  # type: ignore[attr-defined]
    nowhere = claiming.exclude(Exists(ImportRun.objects.filter(pk=OuterRef("import_run"))))
    noun = ROWS_OF[kind]._meta.model_name or kind
    for pk, run_id in nowhere.order_by("pk").values_list("pk", "import_run_id").iterator():
        yield Difference(noun, pk, "import_run", run_id, "a run that is there")


def checked() -> dict[str, int]:
    """How much there is to look at."""
    counted: dict[str, Callable[[], int]] = {
        "users": User.objects.count,
        "leads": Lead.objects.count,
        "activities": Activity.objects.count,
        "imports": ImportRun.objects.count,
    }
    return {noun: count() for noun, count in counted.items()}
