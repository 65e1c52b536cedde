"""All questions about leads, by name."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from django.db import models
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone

from crm_project.db.change_time import from_microseconds
from leads import validators

if TYPE_CHECKING:
    from leads.models import Lead

HIGHER_BUDGET = Coalesce("budget_max", "budget_min")
LOWER_BUDGET = Coalesce("budget_min", "budget_max")
# The conditions are those of the partial indexes, word for word, or SQLite would not use them.
POSSIBLE_DUPLICATES = " UNION ".join(
    f"SELECT id FROM (SELECT id FROM leads_lead WHERE is_active AND NOT ({key} = '') AND {key} = %s LIMIT %s) AS {key}"
    for key in ("email_key", "person_key")
)

# By the office's day ``today``: the first day that is due so (``None``: any earlier one), and the first that is not.
DUE: dict[str, Callable[[date], tuple[date | None, date]]] = {
    "overdue": lambda today: (None, today),
    "today": lambda today: (today, today + timedelta(days=1)),
    "week": lambda today: (today, today + timedelta(days=7)),
}


class SearchTerms(NamedTuple):
    """A search: words that all occur or, where ``number`` is not "", a telephone number with these digits."""

    words: Sequence[str]
    number: str = ""


class LeadQueries(models.QuerySet["Lead"]):
    """All questions about leads, by name; ``LeadQuerySet`` adds the writes."""

    def active(self) -> Self:
        """Leads that are not softly deleted."""
        return self.filter(is_active=True)

    def deleted(self) -> Self:
        """Leads that are softly deleted."""
        return self.filter(is_active=False)

    def open(self) -> Self:
        """Leads in any status but closed and lost."""
        return self.exclude(status__in=validators.CLOSED_STATUSES)

    def inactive_since(self, day: date, zone: tzinfo = UTC) -> Self:
        """Leads that came in before ``day`` and have had no activity on it or later, until today."""
        # The walk through older leads passes over no more of them than there are activities since that day.
        has_activity = self.has_related("activities", activity_date__gte=day, activity_date__lte=timezone.localdate())
        return self.filter(created_at__lt=midnight(day, zone)).exclude(has_activity)

    def created_since(self, day: date, zone: tzinfo = UTC) -> Self:
        """Leads that came in on ``day`` or later."""
        return self.filter(created_at__gte=midnight(day, zone))

    def created_until(self, day: date, zone: tzinfo = UTC) -> Self:
        """Leads that came in on ``day`` or earlier."""
        return self.filter(created_at__lte=datetime.combine(day, time.max, zone))

    def closed_since(self, day: date, zone: tzinfo = UTC) -> Self:
        """Leads that are closed, and became so on ``day`` or later."""
        return self.filter(closed_at__gte=midnight(day, zone))

    def newest_first(self) -> Self:
        """The list's order; ends in the primary key, so that pages partition the list."""
        return self.order_by("-created_at", "-id")

    def search(self, words: Sequence[str]) -> Self:
        """Leads in whose names, email or phone every (folded) word occurs; ``%`` and ``_`` are plain characters."""
        return self.search_terms(SearchTerms(words))

    def search_terms(self, terms: SearchTerms) -> Self:
        """Leads with all the words, or with the telephone number."""
        with_words = models.Q(*(models.Q(search__contains=word) for word in terms.words))
        return self.filter(with_words | models.Q(search__contains=terms.number) if terms.number else with_words)

    def in_status(self, status: str) -> Self:
        """Leads in one status."""
        return self.filter(status=status)

    def in_statuses(self, statuses: Collection[str]) -> Self:
        """Leads in one of these statuses."""
        return self.filter(status__in=statuses)

    def with_ids(self, ids: Collection[int]) -> Self:
        """Leads with these ids."""
        return self.filter(pk__in=ids)

    def created_from(self, moment: datetime) -> Self:
        """Leads created at ``moment`` or later."""
        return self.filter(created_at__gte=moment)

    def created_before(self, moment: datetime) -> Self:
        """Leads created before ``moment``."""
        return self.filter(created_at__lt=moment)

    def closed_from(self, moment: datetime) -> Self:
        """Leads that are closed, and became so at ``moment`` or later."""
        return self.filter(closed_at__gte=moment)

    def closed_before(self, moment: datetime) -> Self:
        """Leads that are closed, and became so before ``moment``."""
        return self.filter(closed_at__lt=moment)

    def changed_since(self, time: int) -> Self:
        """Leads with a ``change_time`` from ``time`` on, or an activity that was in the future then; 0 means all."""
        if not time:
            return self
        then, today = timezone.localdate(from_microseconds(time)), timezone.localdate()
        arrived = self.has_related("activities", activity_date__gt=then, activity_date__lte=today)
        return self.filter(models.Q(change_time__gte=time) | models.Q(arrived))

    def with_open(self, wanted: bool) -> Self:
        """Open leads, or those that are closed or lost."""
        return self.open() if wanted else self.filter(status__in=validators.CLOSED_STATUSES)

    def inactive_days(self, days: int) -> Self:
        """Leads created before the last ``days``, today (UTC) included, and without an activity in them."""
        return self.inactive_since(first_of_last(days))

    def created_by_user(self, user: int | str) -> Self:
        """Leads that a user created; ``"none"``: those that no user did."""
        return self.filter(created_by__user_id=None if user == "none" else user)

    def owned_by(self, user: int | str) -> Self:
        """Leads of a user; ``"none"``: those of nobody."""
        return self.filter(owner=None if user == "none" else user)

    def with_tags(self, tags: Collection[str]) -> Self:
        """Leads with all of these (normalized) tags."""
        with_all = models.Q(*(models.Q(tag_keys__contains=f",{tag},") for tag in tags))
        return self.filter(with_all).exclude(tag_keys="")

    def due(self, when: str) -> Self:
        """Leads by their next follow-up, on the office's days (``DUE``); ``"none"``: open leads without one."""
        if when == "none":
            return self.open().exclude(self.has_related("follow_ups", done_at=None))
        first, end = DUE[when](timezone.localdate())
        if first is None:
            return self.filter(self.has_related("follow_ups", done_at=None, due_on__lt=end))
        earlier = self.has_related("follow_ups", done_at=None, due_on__lt=first)
        return self.filter(self.has_related("follow_ups", done_at=None, due_on__gte=first, due_on__lt=end)).exclude(
            earlier
        )

    def has_related(self, relation: str, **conditions: Any) -> Exists:
        """Whether a lead has ``activities`` or ``follow_ups`` under these conditions; their app is above this one."""
        related: Any = self.model._meta.get_field(relation).related_model
        return Exists(related._default_manager.filter(lead=OuterRef("pk"), **conditions))

    def contactable(self, channel: str) -> Self:
        """Leads with an address or a number for ``channel`` (``call``, ``text``, ``email``) who have not revoked it."""
        return self.exclude(**{"email" if channel == "email" else "phone": ""}).exclude(self.revoked(channel))

    def revoked(self, channel: str) -> Exact:
        """Whether a lead's latest statement of consent about ``channel`` is a revocation."""
        statements: Any = self.model._meta.get_field("consents").related_model
        about = statements._default_manager.filter(lead=OuterRef("pk"), channel__in=(channel, "all"))
        latest = about.order_by("-pk").values("state")[:1]
        return Exact(Coalesce(Subquery(latest), models.Value("")), models.Value("revoked"))

    def possible_duplicates(self, lead: "Lead", most: int) -> Self:
        """Active leads with the address of ``lead``, or its telephone and name: about ``most``, the oldest first."""
        keys = [lead.email_key, most + 1, lead.person_key, most + 1]  # one more, because it is itself among them
        return self.filter(pk__in=RawSQL(POSSIBLE_DUPLICATES, keys)).exclude(pk=lead.pk).order_by("pk")

    def from_source(self, source_key: str) -> Self:
        """Leads from one source, however it is spelt."""
        return self.filter(source_key=source_key)

    def from_sources(self, source_keys: Collection[str]) -> Self:
        """Leads from one of these sources."""
        return self.filter(source_key__in=source_keys)

    def min_budget(self, lowest: int) -> Self:
        """Leads with either end of the budget at or above ``lowest``."""
        # The lower end is never above the higher one; an end that is not given is the other one. This has an index.
        return self.filter(GreaterThanOrEqual(HIGHER_BUDGET, lowest))

    def max_budget(self, highest: int) -> Self:
        """Leads with either end of the budget at or below ``highest``."""
        return self.filter(LessThanOrEqual(LOWER_BUDGET, highest))


def first_of_last(days: int) -> date:
    """The first of the last ``days``, today (UTC) included."""
    today = timezone.now().date()
    return today - timedelta(days=min(days, today.toordinal()) - 1)


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """When ``day`` begins."""
    return datetime.combine(day, time.min, zone)
