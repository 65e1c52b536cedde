"""The rows of the reports. Each reads the leads or activities of a period of at most a year, along an index.

Percentiles are computed here, since SQLite has none. A year of a large office is some hundred thousand numbers.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from statistics import median, quantiles
from typing import NamedTuple

from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery
from django.db.models.functions import TruncWeek
from django.utils import timezone

from activities.models import Activity
from crm_project.http.parameters import start_of
from leads.audit import LeadChange
from leads.models import Lead
from leads.querysets import LeadQuerySet
from leads.validators import CLOSED, PIPELINE
from users.models import User

Cell = str | int | float | date | None
Row = list[Cell]

CONTACTS = ("call", "email")
NEW, QUALIFIED, LOST = "new", "qualified", "lost"
BEYOND = PIPELINE[PIPELINE.index(QUALIFIED) : PIPELINE.index(CLOSED) + 1]  # qualified or further, not lost
BATCH = 2000  # rows that are read at a time
DAY, HOUR = 86_400, 3_600  # seconds


class Period(NamedTuple):
    """What a report is about: days of the office, both included, and the leads by owner and source."""

    first: date
    last: date
    owner: int | str | None = None  # a user's id, or "none"
    source: str | None = None  # normalized

    @property
    def begin(self) -> datetime:
        """When the first day begins."""
        return start_of(self.first, timezone.get_current_timezone())

    @property
    def end(self) -> datetime:
        """When the last day has ended."""
        return start_of(self.last, timezone.get_current_timezone(), 1)

    def leads(self) -> LeadQuerySet:
        """Return the active leads that were created in the period."""
        return self.chosen(Lead.objects.active()).filter(created_at__gte=self.begin, created_at__lt=self.end)

    def chosen(self, leads: LeadQuerySet) -> LeadQuerySet:
        """Return those of the leads that have the owner and the source."""
        if self.owner is not None:
            leads = leads.owned_by(self.owner)
        return leads.from_source(self.source) if self.source is not None else leads


class Report(NamedTuple):
    """A report: its name, what it counts, and its table."""

    title: str
    about: str
    columns: tuple[str, ...]
    rows: Callable[[Period], Iterator[Row]]


def activities(period: Period) -> Iterator[Row]:
    """Yield how many activities of each type each agent logged in each week, which begins on Monday."""
    found = Activity.objects.filter(activity_date__gte=period.first, activity_date__lte=period.last)
    if period.owner is not None or period.source is not None:
        found = found.filter(lead__in=period.chosen(Lead.objects.active()))
    else:  # few leads are deleted: a join would read all the others, even for a week
        found = found.exclude(Exists(Lead.objects.deleted().filter(pk=OuterRef("lead"))))
    weeks = found.order_by().annotate(week=TruncWeek("activity_date"))
    counts = weeks.values("week", "user", "activity_type").annotate(number=Count("pk"), name=Min("user_name"))
    for count in counts.order_by("-week", "name", "user", "activity_type"):
        yield [count["week"], count["name"], count["activity_type"], count["number"]]


def sources(period: Period) -> Iterator[Row]:
    """Yield what became of the leads of each source, the largest first."""
    counted = period.leads().order_by().values("source_key")
    figures = counted.annotate(
        name=Min("source"),
        leads=Count("pk"),
        contacted=Count("pk", filter=~Q(status=NEW)),
        qualified=Count("pk", filter=Q(status__in=BEYOND)),
        closed=Count("pk", filter=Q(status=CLOSED)),
        lost=Count("pk", filter=Q(status=LOST)),
    )
    for row in figures.order_by("-leads", "source_key"):
        numbers = [row[name] for name in ("leads", "contacted", "qualified", "closed", "lost")]
        yield [row["name"] or "(none)", *numbers, _percent(row["closed"], row["leads"])]


def stages(period: Period) -> Iterator[Row]:
    """Yield how many of the leads reached each status, how many are in it, and the median days of those that left."""
    reached, present = Counter[str](), Counter[str]()
    days: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
    for history in _histories(period):
        reached.update({status for status, _, _ in history})
        for status, since, until in history:
            if until is None:
                present[status] += 1
            else:
                days[status].append((until - since).total_seconds() / DAY)
    for status in [*PIPELINE, *sorted(reached.keys() - set(PIPELINE))]:
        stayed = days[status]
        yield [status, reached[status], present[status], round(median(stayed), 1) if stayed else None]


def _histories(period: Period) -> Iterator[list[tuple[str, datetime, datetime | None]]]:
    """Yield the statuses of each lead, from when and until when; ``None`` is until now."""
    leads = period.leads().newest_first().values_list("pk", "created_at", "status", "version").iterator(BATCH)
    while batch := list(islice(leads, BATCH)):
        # By the ids of a batch: a join, or an order by the id, would read the history of all leads. A lead that is at
        # its first version has never changed its status.
        changed = [pk for pk, _, _, version in batch if version > 1]
        changes: defaultdict[int, list[tuple[datetime, str]]] = defaultdict(list)
        entries = LeadChange.objects.filter(lead__in=changed, changes__has_key="status")
        for lead_id, at, (before, _) in entries.order_by("pk").values_list("lead_id", "at", "changes__status"):
            changes[lead_id].append((at, before))
        for pk, created_at, status, _ in batch:
            since, history = created_at, []
            for at, before in changes[pk]:
                history.append((before, since, at))
                since = at
            yield [*history, (status, since, None)]


def response_times(period: Period) -> Iterator[Row]:
    """Yield the hours from creation to the first call or email by owner and source; imported leads are left out."""
    first = Activity.objects.filter(lead=OuterRef("pk"), activity_type__in=CONTACTS).order_by()
    earliest = first.values("lead").annotate(at=Min("created_at")).values("at")
    leads = period.leads().newest_first().filter(import_run=None).annotate(first_at=Subquery(earliest))
    groups: dict[tuple[int | None, str], _Group] = {}
    rows = leads.values_list("owner_id", "source_key", "source", "created_at", "first_at").iterator(BATCH)
    for owner, key, source, created_at, first_at in rows:
        group = groups.setdefault((owner, key), _Group(source))
        group.leads += 1
        if first_at is not None:
            group.hours.append(max(0.0, (first_at - created_at).total_seconds() / HOUR))
    users = User.objects.in_bulk({owner for owner, _ in groups if owner is not None})
    for (owner, _), group in sorted(groups.items(), key=lambda item: (item[0][0] is None, item[0][0] or 0, item[0][1])):
        name = users[owner].name if owner in users else "nobody"
        yield [name, group.source or "(none)", group.leads, len(group.hours), *_percentiles(group.hours)]


@dataclass
class _Group:
    """The leads of one owner and source: how it is spelt, their number, and the hours of those that were contacted."""

    source: str
    leads: int = 0
    hours: "array[float]" = field(default_factory=lambda: array("d"))


def _percentiles(numbers: "array[float]") -> Row:
    """Return the median and the 90th percentile."""
    if not numbers:
        return [None, None]
    if len(numbers) == 1:
        return [round(numbers[0], 1)] * 2
    return [round(median(numbers), 1), round(quantiles(numbers, n=10, method="inclusive")[-1], 1)]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


REPORTS = {
    "activities": Report(
        "Activities",
        "What each agent logged in each week, by type. Activities of deleted leads are not counted.",
        ("Week from", "Agent", "Type", "Activities"),
        activities,
    ),
    "sources": Report(
        "Sources",
        "What became of the leads that came in during the period. Contacted: no longer new. Qualified: qualified or"
        " further, and not lost.",
        ("Source", "Leads", "Contacted", "Qualified", "Closed", "Lost", "Closed %"),
        sources,
    ),
    "stages": Report(
        "Stages",
        "Through which statuses the leads that came in during the period have gone, by their history. The median is of"
        " the leads that have left the status.",
        ("Status", "Reached", "In it now", "Median days"),
        stages,
    ),
    "response-times": Report(
        "Response times",
        "From the creation of a lead in the period to its first call or email. Imported leads are left out.",
        ("Owner", "Source", "Leads", "Contacted", "Median hours", "90 % within hours"),
        response_times,
    ),
}
LONGEST = timedelta(days=366)
