"""Reconciliation: counts in both databases after the load, compared with what the migration read and stored."""

from collections import Counter
from typing import Any, NamedTuple

from django.db.models import Count, Sum

from activities.models import Activity
from crm_project.validation import InvalidValue
from leads.models import Lead
from maintenance.legacy_migration import rules
from maintenance.legacy_migration.source import Source
from users.models import User

MODELS: dict[str, Any] = {"users": User, "leads": Lead, "activities": Activity}


class Comparison(NamedTuple):
    """One figure in both databases. If they differ, the reported changes are the reason."""

    label: str
    source: int
    stored: int

    @property
    def verdict(self) -> str:
        """Return ``OK`` or ``DIFFERENT``."""
        return "OK" if self.source == self.stored else "DIFFERENT"


class Totals:
    """What the migration has read and stored so far."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.stored: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.source_activity_count = 0  # the sum of the source's activity_count


def reconcile(source: Source, totals: Totals) -> tuple[list[Comparison], list[str]]:
    """Return the comparisons, and a sentence for each unexplained difference (there should be none)."""
    comparisons, unexplained = [], []
    for table, model in MODELS.items():
        in_source, stored = source.count(table), model.objects.count()
        comparisons.append(Comparison(table, in_source, stored))
        if (in_source, stored) != (totals.read[table], totals.stored[table]):
            unexplained.append(
                f"{table}: {in_source} in the source, {totals.read[table]} read,"
                f" {totals.stored[table]} written, {stored} stored"
            )
    return comparisons + _statuses(source, totals, unexplained) + _activity_counts(totals, unexplained), unexplained


def _statuses(source: Source, totals: Totals, unexplained: list[str]) -> list[Comparison]:
    in_source: Counter[str] = Counter()
    for status, count in source.statuses():
        in_source[_clean_status(status)] += count
    grouped = Lead.objects.order_by().values_list("status").annotate(count=Count("pk"))
    stored = Counter(dict(grouped))
    if stored != totals.statuses:
        unexplained.append("the leads by status are not those that were written")
    known = [status for status in rules.STATUSES if status in in_source or status in stored]
    others = sorted((in_source.keys() | stored.keys()) - set(known))
    return [Comparison(f"leads in status {status}", in_source[status], stored[status]) for status in [*known, *others]]


def _clean_status(status: object) -> str:
    try:
        return rules.status(status)
    except InvalidValue:
        return f"{str(status)[:40]!r} (invalid)"


def _activity_counts(totals: Totals, unexplained: list[str]) -> list[Comparison]:
    total = Lead.objects.aggregate(total=Sum("activity_count"))["total"] or 0
    activities = Activity.objects.count()
    if total != activities:
        unexplained.append(f"the sum of activity_count is {total}, but there are {activities} activities")
    return [Comparison("sum of activity_count", totals.source_activity_count, total)]
