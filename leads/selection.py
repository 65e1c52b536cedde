"""A selection of leads of any size, which stays the same while something is done to all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.db.models.expressions import RawSQL

Leads = TypeVar("Leads", bound=QuerySet[Any])

TABLE = "selected_leads"


class Agreed(Protocol):
    """Which leads somebody agreed to."""

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise an exception where ``leads``, whose rows are locked, are others."""


class Selection(NamedTuple):
    """What a person agreed to: so many leads, and the sum of their ids, by which two choices of one size differ."""

    size: int
    id_sum: int

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``SelectionChanged`` where they are others."""
        if (now := summarize(leads)) != self:
            raise SelectionChanged(now)


class ExpectedSize(NamedTuple):
    """How many leads a client expects a filter to find."""

    size: int

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``SelectionChanged`` where there are more or fewer."""
        if (now := summarize(leads)).size != self.size:
            raise SelectionChanged(now)


class ExactIds(NamedTuple):
    """The ids of active leads that a client names, each once."""

    ids: tuple[int, ...]

    def check(self, leads: QuerySet[Any]) -> None:
        """Raise ``LeadsMissing`` where some are not there."""
        found = set(leads.values_list("pk", flat=True))
        if missing := [lead_id for lead_id in self.ids if lead_id not in found]:
            raise LeadsMissing(missing)


class LeadsMissing(Exception):
    """Some of the leads that a client names do not exist, or are deleted."""

    def __init__(self, ids: list[int]) -> None:
        super().__init__(f"{len(ids)} leads are missing")
        self.ids = ids


class SelectionChanged(Exception):
    """The leads are no longer those that were agreed to; ``selection`` is the current one."""

    def __init__(self, selection: Selection) -> None:
        super().__init__(f"they are {selection.size:,} now")
        self.selection = selection


def summarize(leads: QuerySet[Any]) -> Selection:
    """Count them, exactly: one statement."""
    found = leads.order_by().aggregate(count=Count("pk"), id_sum=Sum("pk"))
    return Selection(found["count"], int(found["id_sum"] or 0))


@contextmanager
def lock_selection(leads: Leads) -> Iterator[Leads]:
    """The same leads with their rows locked, in the order of their ids, so that two who lock many do not deadlock.

    To be used inside a transaction. Their ids are kept in a temporary table: neither their number nor a filter that
    would no longer fit them once they are changed matters.
    """
    chosen = leads.order_by("pk").select_for_update(of=("self",)).values_list("pk")
    sql, values = chosen.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {TABLE} AS {sql}", values)
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {TABLE}")  # or the planner takes it for a few rows, or many
        # Qualified: a column that the table did not have would else be taken from the leads, and fit all of them.
        yield leads.model.objects.filter(pk__in=RawSQL(f"SELECT {TABLE}.pk FROM {TABLE}", []))
        cursor.execute(f"DROP TABLE {TABLE}")
