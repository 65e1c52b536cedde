"""All questions about leads, by name, and the only ways to write them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone

from crm_project import values
from leads import rules
from leads.importing import load

if TYPE_CHECKING:
    from leads.models import Lead

Row = dict[str, Any]

HIGHER_BUDGET = Coalesce("budget_max", "budget_min")
LOWER_BUDGET = Coalesce("budget_min", "budget_max")


class BudgetsCrossed(Exception):
    """A change that would leave ``budget_min`` above the stored ``budget_max``, or the other way round."""

    def __init__(self, problems: list[values.Problem]) -> None:
        super().__init__(problems[0].msg)
        self.problems = problems


class VersionMoved(Exception):
    """A change meant for an earlier version of the lead; ``lead`` is as it is stored now."""

    def __init__(self, lead: "Lead") -> None:
        super().__init__(f"lead {lead.pk} is at version {lead.version}")
        self.lead = lead


class LeadQuerySet(models.QuerySet["Lead"]):
    """``Lead.objects``."""

    def active(self) -> Self:
        """Leads that are not softly deleted."""
        return self.filter(is_active=True)

    def newest_first(self) -> Self:
        """The list's order; ends in the primary key, so that pages partition the list."""
        return self.order_by("-created_at", "-id")

    def matching(self, words: Sequence[str]) -> Self:
        """Leads in whose names, e-mail or phone every (folded) word occurs; ``%`` and ``_`` are plain characters."""
        queryset = self
        for word in words:
            queryset = queryset.filter(search__contains=word)
        return queryset

    def in_status(self, status: str) -> Self:
        """Leads in one status."""
        return self.filter(status=status)

    def from_source(self, source_key: str) -> Self:
        """Leads from one source, however it is spelt."""
        return self.filter(source_key=source_key)

    def reaching_budget(self, lowest: int) -> Self:
        """Leads with either end of the budget at or above ``lowest``."""
        # The lower end is never above the higher one; an end that is not given is the other one. This has an index.
        return self.filter(GreaterThanOrEqual(HIGHER_BUDGET, lowest))

    def within_budget(self, highest: int) -> Self:
        """Leads with either end of the budget at or below ``highest``."""
        return self.filter(LessThanOrEqual(LOWER_BUDGET, highest))

    def add(self, clean: Row) -> "Lead":
        """Store one new lead from the values ``rules.check`` returned."""
        return self.create(**complete(clean, timezone.now()))

    def add_many(self, rows: Sequence[Row]) -> list["Lead"]:
        """Store new leads, all or none, and return them in the same order; a handful of statements for any number."""
        moment = timezone.now()
        leads = [self.model(**complete(row, moment)) for row in rows]
        load.insert(self.model, leads)
        return leads

    def change(self, lead_id: int, clean: Mapping[str, Any], versions: Collection[int] | None = None) -> "Lead":
        """Write the given fields of one of these leads, and only those, under its row lock.

        Raises ``Lead.DoesNotExist``; ``VersionMoved`` where ``versions`` are given and it is at none of them;
        ``BudgetsCrossed`` where the stored budget and the new one do not fit.
        """
        with transaction.atomic():
            lead = self.select_for_update().get(pk=lead_id)
            if versions is not None and lead.version not in versions:
                raise VersionMoved(lead)
            if problems := rules.check_budgets(clean, lead):
                raise BudgetsCrossed(problems)
            written = apply_change(lead, clean, timezone.now())
            lead.save(update_fields=written)
        return lead

    def count_activities(self, lead_id: int, more: int) -> bool:
        """Add ``more`` to an active lead's ``activity_count``; says whether there is such a lead. Locks its row."""
        return bool(self.active().filter(pk=lead_id).update(activity_count=F("activity_count") + more))

    def locked_keys(self, lead_ids: Collection[int]) -> dict[int, str]:
        """The ``email_key`` of each of these leads by its id, their rows locked: nobody deletes them meanwhile.

        They are locked in the order of their ids, so that two who lock many wait for each other rather than deadlock.
        """
        return dict(self.filter(pk__in=lead_ids).select_for_update().order_by("pk").values_list("pk", "email_key"))

    def count_many_activities(self, more: Mapping[int, int]) -> None:
        """Add to the ``activity_count`` of many (locked) leads, by their ids."""
        load.add(self.model, "activity_count", more)


def complete(
    clean: Row, now: datetime, created_at: datetime | None = None, derived: rules.Derived | None = None
) -> Row:
    """Every column of a new lead but its id, from the values ``rules.check`` returned."""
    made = created_at or now
    derived = derived or rules.derive_from(clean)
    return {
        **clean,
        "search": derived.search,
        "source_key": derived.source_key,
        "email_key": derived.email_key,
        "person_key": derived.person_key,
        "is_active": True,
        "created_at": made,
        "updated_at": now,
        "closed_at": made if clean["status"] == rules.CLOSED else None,
        "activity_count": 0,
        "version": 1,
        "import_run_id": None,
    }


def apply_change(lead: "Lead", clean: Mapping[str, Any], now: datetime) -> list[str]:
    """Set values on the instance with all that follows from them; returns the names of the columns to write."""
    new: Row = {**clean, "version": lead.version + 1, "updated_at": now}
    if "status" in clean and (clean["status"] == rules.CLOSED) != (lead.status == rules.CLOSED):
        new["closed_at"] = now if clean["status"] == rules.CLOSED else None
    if not clean.keys().isdisjoint(rules.SOURCES_OF_DERIVED):
        parts = {field: clean.get(field, getattr(lead, field)) for field in rules.SOURCES_OF_DERIVED}
        new.update(rules.derive_from(parts)._asdict())
    for field, value in new.items():
        setattr(lead, field, value)
    return list(new)
