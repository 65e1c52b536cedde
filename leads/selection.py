"""Selections of leads: a check that the leads are those that a person agreed to, and a lock while they are changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.db.models.expressions import RawSQL

Leads = TypeVar("Leads", bound=QuerySet[Any])

TABLE = "selected_leads"


class Agreed(Protocol):
    """The leads that a client or a person agreed to change."""

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``LeadsMissing`` or ``SelectionChanged`` if ``leads``, whose rows are locked, are others."""


class Selection(NamedTuple):
    """The number of leads that a person agreed to, and the sum of their ids, which differs for other leads."""

    size: int
    id_sum: int

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``SelectionChanged`` if the leads are others."""
        if (now := summarize(leads)) != self:
            raise SelectionChanged(now)


class ExpectedSize(NamedTuple):
    """The number of leads that a client expects a filter to find."""

    size: int

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``SelectionChanged`` if there are more or fewer."""
        if (now := summarize(leads)).size != self.size:
            raise SelectionChanged(now)


class ExactIds(NamedTuple):
    """The ids of active leads that a client sent, without repetitions."""

    ids: tuple[int, ...]

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``LeadsMissing`` if some do not exist or are deleted."""
        found = set(leads.values_list("pk", flat=True))
        if missing := [lead_id for lead_id in self.ids if lead_id not in found]:
            raise LeadsMissing(missing)


class LeadsMissing(Exception):
    """Some of the leads that a client sent do not exist, or are deleted."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(f"{len(ids)} leads are missing")
        self.ids = ids


class SelectionChanged(Exception):
    """The leads are no longer those that were agreed to; ``selection`` is the current one."""

    def __init__(self, selection: Selection) -> None:
        super().__init__(f"they are {selection.size:,} now")
        self.selection = selection


def summarize(leads: QuerySet[Any]) -> Selection:
    """Return the exact number of leads and the sum of their ids. One query."""
    found = leads.order_by().aggregate(count=Count("pk"), id_sum=Sum("pk"))
    return Selection(found["count"], int(found["id_sum"] or 0))


@contextmanager
def lock_selection(leads: Leads) -> Iterator[Leads]:
    """Lock the rows of leads in the order of their ids, so that two transactions do not deadlock, and yield the leads.

    Call it in a transaction. The ids are stored in a temporary table: any number of leads is possible, and the yielded
    queryset still finds them after a change that the filter of ``leads`` would not match.
    """
    chosen = leads.order_by("pk").select_for_update(of=("self",)).values_list("pk")
    sql, values = chosen.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {TABLE} AS {sql}", values)
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {TABLE}")  # so that the planner knows the number of rows
        # The column is qualified: if the table did not have it, SQL would take it from the leads, and match all of
        # them.
        yield leads.model.objects.filter(pk__in=RawSQL(f"SELECT {TABLE}.pk FROM {TABLE}", []))
        cursor.execute(f"DROP TABLE {TABLE}")
