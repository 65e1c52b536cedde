"""Compare everything that is stored twice with its source: search columns, counters, totals of imports, names.

Nothing is locked: each comparison is one statement or one row, so others may write meanwhile. Leads are read in
batches. ``repair.py`` corrects what is found.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db import connection, models
from django.db.models import Count, Exists, OuterRef
from django.db.models.functions import Coalesce

from activities.models import Activity, FollowUp
from crm_project import validation
from leads import validators
from leads.models import Consent, ImportRun, Lead
from leads.search_keys import SEARCH_KEY_FIELDS, compute_search_keys
from maintenance.attribution import ATTRIBUTIONS
from users.models import User

BATCH = 1000  # leads
IMPORTED_MODELS = {"leads": Lead, "activities": Activity, "follow-ups": FollowUp}  # by kind of import


class Inconsistency(NamedTuple):
    """A stored value that differs from the expected one; ``pk`` is 0 where no single record has the value."""

    kind: str
    pk: int
    column: str
    stored: Any
    expected: Any

    @property
    def record(self) -> str:
        """Return the record that has the value, as text."""
        return f"{self.kind} {self.pk}" if self.pk else self.kind


def find_inconsistencies() -> Iterator[Inconsistency]:
    """Yield all inconsistencies of the database."""
    yield from check_users(User.objects.order_by("pk"))
    yield from check_attribution()
    yield from check_leads()
    yield from check_lead_counts()
    yield from check_consents()
    yield from check_follow_ups()
    for kind in IMPORTED_MODELS:
        yield from check_imports(kind)
        yield from check_missing_imports(kind)


def check_users(users: models.QuerySet[User]) -> Iterator[Inconsistency]:
    """Compare the normalized keys of user names and email addresses."""
    for user in users.only("username", "email", "username_key", "email_key").iterator():
        expected = {
            "username_key": validation.normalized_key(user.username),
            "email_key": validation.normalized_key(user.email) or None,
        }
        for column, value in expected.items():
            if (stored := getattr(user, column)) != value:
                yield Inconsistency("user", user.pk, column, stored, value)


def check_attribution() -> Iterator[Inconsistency]:
    """Count records with the former name of an erased user, as written during the erasure. The name is not yielded."""
    names = {user.pk: user.username for user in User.objects.anonymized()}
    outdated: Counter[int] = Counter()
    for _, model, user, column in ATTRIBUTIONS if names else ():
        attributed = model.objects.filter(**{f"{user}__in": names}).order_by().values_list(user, column)
        for pk, name, number in attributed.annotate(number=Count("pk")):
            outdated[pk] += number if name != names[pk] else 0
    for pk, number in sorted((+outdated).items()):
        yield Inconsistency("user", pk, "records with a former name", number, 0)


def check_leads() -> Iterator[Inconsistency]:
    """Compare the search columns, ``closed_at`` and ``activity_count`` of all leads."""
    last = 0
    while batch := list(with_activity_total(Lead.objects.filter(pk__gt=last).order_by("pk")[:BATCH])):
        last = batch[-1].pk
        for lead in batch:
            for column, (stored, expected) in compare_lead(lead).items():
                yield Inconsistency("lead", lead.pk, column, stored, expected)


def with_activity_total(leads: models.QuerySet[Lead]) -> models.QuerySet[Lead]:
    """Annotate leads with the number of their activities, in one statement."""
    own = Activity.objects.filter(lead=OuterRef("pk")).order_by().values("lead").annotate(number=Count("pk"))
    return leads.defer("property_interest").annotate(activity_total=Coalesce(own.values("number"), 0))


def compare_lead(lead: Any) -> dict[str, tuple[Any, Any]]:
    """Return the stored and the expected value of each column that differs."""
    expected = compute_search_keys(*(getattr(lead, name) for name in SEARCH_KEY_FIELDS))._asdict()
    expected["tag_keys"] = validators.tag_keys(lead.tags)
    expected["activity_count"] = lead.activity_total
    if (lead.status == validators.CLOSED) != (lead.closed_at is not None):
        # The time of closing is not known; the last change is its upper bound.
        expected["closed_at"] = lead.updated_at if lead.status == validators.CLOSED else None
    return {name: (getattr(lead, name), value) for name, value in expected.items() if getattr(lead, name) != value}


COUNT_DIFFERENCES = """
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


def check_lead_counts() -> Iterator[Inconsistency]:
    """Compare the counts that PostgreSQL's triggers store (``LeadCount``). SQLite stores none."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(COUNT_DIFFERENCES)
            for kind, status, day, missing_leads, missing_activities in cursor.fetchall():
                difference = f"{-missing_leads:+} leads, {-missing_activities:+} activities"
                yield Inconsistency(f"count {kind} {status or day}", 0, "sum", difference, "no difference")


def check_consents() -> Iterator[Inconsistency]:
    """Yield statements of consent that a merge did not move to the survivor."""
    not_moved = Consent.objects.exclude(lead__merged_into=None).values_list("pk", "lead_id", "lead__merged_into")
    for pk, lead_id, merged_into in not_moved.order_by("pk").iterator():
        yield Inconsistency("consent", pk, "lead", lead_id, merged_into)


def check_follow_ups() -> Iterator[Inconsistency]:
    """Yield follow-ups that a merge did not move to the survivor, or whose activity belongs to another lead."""
    not_moved = FollowUp.objects.exclude(lead__merged_into=None).values_list("pk", "lead_id", "lead__merged_into")
    for pk, lead_id, merged_into in not_moved.order_by("pk").iterator():
        yield Inconsistency("follow-up", pk, "lead", lead_id, merged_into)
    own = Activity.objects.filter(pk=OuterRef("activity_id"), lead_id=OuterRef("lead_id"))
    others = FollowUp.objects.exclude(activity=None).exclude(Exists(own)).values_list("pk", "activity_id")
    for pk, activity_id in others.order_by("pk").iterator():
        yield Inconsistency("follow-up", pk, "activity", activity_id, None)


def check_imports(kind: str) -> Iterator[Inconsistency]:
    """Compare the ``created`` total of imports of one kind with the rows that name them."""
    table = connection.ops.quote_name(IMPORTED_MODELS[kind]._meta.db_table)
    statement = f"""
        SELECT run.id, run.kind, run.state, run.created, coalesce(imported.number, 0)
        FROM leads_importrun AS run LEFT JOIN (
            SELECT import_run_id, count(*) AS number FROM {table} WHERE import_run_id IS NOT NULL GROUP BY 1
        ) AS imported ON imported.import_run_id = run.id
        WHERE run.kind = %s OR imported.number > 0 ORDER BY run.id
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [kind])
        for pk, run_kind, state, created, stored in cursor.fetchall():
            if run_kind != kind and kind == "activities" and retains_rows(run_kind, state):
                continue  # notes of leads, of which no total is stored
            expected = created if run_kind == kind and retains_rows(kind, state) else 0
            if stored > expected or (stored < expected and kind == "leads"):  # people delete activities
                yield Inconsistency("import", pk, kind, stored, expected)


def retains_rows(kind: str, state: str) -> bool:
    """Return whether the rows of an import in this state exist. An undo deletes only activities physically."""
    return state == ImportRun.State.DONE or (kind == "leads" and state == ImportRun.State.UNDONE)


def check_missing_imports(kind: str) -> Iterator[Inconsistency]:
    """Yield rows that name an import which does not exist."""
    imported: models.QuerySet[Any] = IMPORTED_MODELS[kind].objects.exclude(import_run=None)  # type: ignore[attr-defined]
    orphans = imported.exclude(Exists(ImportRun.objects.filter(pk=OuterRef("import_run"))))
    noun = IMPORTED_MODELS[kind]._meta.model_name or kind
    for pk, run_id in orphans.order_by("pk").values_list("pk", "import_run_id").iterator():
        yield Inconsistency(noun, pk, "import_run", run_id, "an existing import")


def count_records() -> dict[str, int]:
    """Return the number of records that are checked, by kind."""
    checked: dict[str, Any] = {"users": User, "leads": Lead, "activities": Activity, "follow-ups": FollowUp}
    checked["imports"] = ImportRun
    return {noun: model.objects.count() for noun, model in checked.items()}
