"""Both sides counted after the load, by the databases themselves, and compared with what passed through our hands."""

from collections import Counter
from typing import Any, NamedTuple

from django.db.models import Count, Sum

from activities.models import Activity
from crm_project.values import Invalid
from leads import rules
from leads.models import Lead
from maintenance.legacy_migration.source import Source
from users.models import User

MODELS: dict[str, Any] = {"users": User, "leads": Lead, "activities": Activity}


class Line(NamedTuple):
    """One figure on both sides. Where they differ, the changes that were reported say why."""

    what: str
    source: int
    here: int

    @property
    def verdict(self) -> str:
        """``OK`` or ``DIFFERENT``."""
        return "OK" if self.source == self.here else "DIFFERENT"


class Passed:
    """What was read and stored, counted on the way."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.stored: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.recorded = 0  # the sum of the source's activity_count


def reconcile(source: Source, passed: Passed) -> tuple[list[Line], list[str]]:
    """The table, and a sentence for each figure that nothing explains (there should be none)."""
    lines, unexplained = [], []
    for noun, model in MODELS.items():
        there, here = source.count(noun), model.objects.count()
        lines.append(Line(noun, there, here))
        if (there, here) != (passed.read[noun], passed.stored[noun]):
            unexplained.append(
                f"{noun}: {there} in the source, {passed.read[noun]} read, {passed.stored[noun]} written, {here} stored"
            )
    return lines + _statuses(source, passed, unexplained) + _counts(passed, unexplained), unexplained


def _statuses(source: Source, passed: Passed, unexplained: list[str]) -> list[Line]:
    there: Counter[str] = Counter()
    for status, count in source.statuses():
        there[_as_stored(status)] += count
    grouped = Lead.objects.order_by().values_list("status").annotate(count=Count("pk"))
    here = Counter(dict(grouped))
    if here != passed.statuses:
        unexplained.append("leads by status are not what was written")
    known = [status for status in rules.PIPELINE if status in there or status in here]
    others = sorted((there.keys() | here.keys()) - set(known))
    return [Line(f"leads in status {status}", there[status], here[status]) for status in [*known, *others]]


def _as_stored(status: object) -> str:
    try:
        return rules.new_status(status)
    except Invalid:
        return f"{str(status)[:40]!r} (refused)"


def _counts(passed: Passed, unexplained: list[str]) -> list[Line]:
    total = Lead.objects.aggregate(total=Sum("activity_count"))["total"] or 0
    activities = Activity.objects.count()
    if total != activities:
        unexplained.append(f"activity_count adds up to {total}, but there are {activities} activities")
    return [Line("sum of activity_count", passed.recorded, total)]
