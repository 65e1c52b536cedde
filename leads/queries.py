"""The named queries of leads."""

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
# The conditions must equal those of the partial indexes, or SQLite does not use these.
POSSIBLE_DUPLICATES = " UNION ".join(
    f"SELECT id FROM (SELECT id FROM leads_lead WHERE is_active AND NOT ({key} = '') AND {key} = %s LIMIT %s) AS {key}"
    for key in ("email_key", "person_key")
)

# For a day ``today`` of the office: the first day of the period (``None``: no lower bound), and the first day after it.
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
    """The named queries of leads. ``LeadQuerySet`` adds the writes."""

    def active(self) -> Self:
        """Return the leads that are not softly deleted."""
        return self.filter(is_active=True)

    def deleted(self) -> Self:
        """Return the leads that are softly deleted."""
        return self.filter(is_active=False)

    def open(self) -> Self:
        """Return the leads in any status but closed and lost."""
        return self.exclude(status__in=validators.CLOSED_STATUSES)

    def inactive_since(self, day: date, zone: tzinfo = UTC) -> Self:
        """Return the leads created before ``day`` without an activity from that day until today."""
        # A scan of older leads skips at most as many leads as there are activities since that day.
        has_activity = self.has_related("activities", activity_date__gte=day, activity_date__lte=timezone.localdate())
        return self.filter(created_at__lt=midnight(day, zone)).exclude(has_activity)

    def created_since(self, day: date, zone: tzinfo = UTC) -> Self:
        """Return the leads created on ``day`` or later."""
        return self.filter(created_at__gte=midnight(day, zone))

    def created_until(self, day: date, zone: tzinfo = UTC) -> Self:
        """Return the leads created on ``day`` or earlier."""
        return self.filter(created_at__lte=datetime.combine(day, time.max, zone))

    def closed_since(self, day: date, zone: tzinfo = UTC) -> Self:
        """Return the leads that are closed, and became so on ``day`` or later."""
        return self.filter(closed_at__gte=midnight(day, zone))

    def newest_first(self) -> Self:
        """Order the leads as the list does. The primary key comes last, so that each lead is on exactly one page."""
        return self.order_by("-created_at", "-id")

    def search(self, words: Sequence[str]) -> Self:
        """Return the leads whose names, email or phone contain all normalized words, without wildcards."""
        return self.search_terms(SearchTerms(words))

    def search_terms(self, terms: SearchTerms) -> Self:
        """Return the leads with all the words, or with the telephone number."""
        with_words = models.Q(*(models.Q(search__contains=word) for word in terms.words))
        return self.filter(with_words | models.Q(search__contains=terms.number) if terms.number else with_words)

    def in_status(self, status: str) -> Self:
        """Return the leads in one status."""
        return self.filter(status=status)

    def in_statuses(self, statuses: Collection[str]) -> Self:
        """Return the leads in one of these statuses."""
        return self.filter(status__in=statuses)

    def with_ids(self, ids: Collection[int]) -> Self:
        """Return the leads with these ids."""
        return self.filter(pk__in=ids)

    def created_from(self, time: datetime) -> Self:
        """Return the leads created at ``time`` or later."""
        return self.filter(created_at__gte=time)

    def created_before(self, time: datetime) -> Self:
        """Return the leads created before ``time``."""
        return self.filter(created_at__lt=time)

    def closed_from(self, time: datetime) -> Self:
        """Return the leads that are closed, and became so at ``time`` or later."""
        return self.filter(closed_at__gte=time)

    def closed_before(self, time: datetime) -> Self:
        """Return the leads that are closed, and became so before ``time``."""
        return self.filter(closed_at__lt=time)

    def changed_since(self, time: int) -> Self:
        """Return the leads changed since ``time``, or with an activity that was in the future then. 0 means all."""
        if not time:
            return self
        then, today = timezone.localdate(from_microseconds(time)), timezone.localdate()
        arrived = self.has_related("activities", activity_date__gt=then, activity_date__lte=today)
        return self.filter(models.Q(change_time__gte=time) | models.Q(arrived))

    def with_open(self, is_open: bool) -> Self:
        """Return the open leads, or those that are closed or lost."""
        return self.open() if is_open else self.filter(status__in=validators.CLOSED_STATUSES)

    def inactive_days(self, days: int) -> Self:
        """Return the leads created before the last ``days``, today (UTC) included, and without an activity in them."""
        return self.inactive_since(first_of_last(days))

    def created_by_user(self, user: int | str) -> Self:
        """Return the leads that a user created; ``"none"``: those that no user did."""
        return self.filter(created_by__user_id=None if user == "none" else user)

    def owned_by(self, user: int | str) -> Self:
        """Return the leads of a user; ``"none"``: those of nobody."""
        return self.filter(owner=None if user == "none" else user)

    def with_tags(self, tags: Collection[str]) -> Self:
        """Return the leads with all of these (normalized) tags."""
        with_all = models.Q(*(models.Q(tag_keys__contains=f",{tag},") for tag in tags))
        return self.filter(with_all).exclude(tag_keys="")

    def due(self, when: str) -> Self:
        """Return the leads whose next follow-up is due in a period of ``DUE``; ``"none"``: open leads without one."""
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
        """Return the condition that a lead has matching ``activities`` or ``follow_ups`` (by their relation)."""
        related: Any = self.model._meta.get_field(relation).related_model
        return Exists(related._default_manager.filter(lead=OuterRef("pk"), **conditions))

    def contactable(self, channel: str) -> Self:
        """Return the leads with an address or number for ``channel`` (a way of contact) who have not revoked it."""
        return self.exclude(**{"email" if channel == "email" else "phone": ""}).exclude(self.revoked(channel))

    def revoked(self, channel: str) -> Exact:
        """Return a condition: the lead's latest statement of consent about ``channel`` is a revocation."""
        statements: Any = self.model._meta.get_field("consents").related_model
        about = statements._default_manager.filter(lead=OuterRef("pk"), channel__in=(channel, "all"))
        latest = about.order_by("-pk").values("state")[:1]
        return Exact(Coalesce(Subquery(latest), models.Value("")), models.Value("revoked"))

    def possible_duplicates(self, lead: "Lead", limit: int) -> Self:
        """Return about ``limit`` active leads with the address of ``lead``, or its telephone and name, oldest first."""
        keys = [lead.email_key, limit + 1, lead.person_key, limit + 1]  # one more, because the lead itself is found too
        return self.filter(pk__in=RawSQL(POSSIBLE_DUPLICATES, keys)).exclude(pk=lead.pk).order_by("pk")

    def from_source(self, source_key: str) -> Self:
        """Return the leads with this normalized source."""
        return self.filter(source_key=source_key)

    def from_sources(self, source_keys: Collection[str]) -> Self:
        """Return the leads from one of these sources."""
        return self.filter(source_key__in=source_keys)

    def min_budget(self, lowest: int) -> Self:
        """Return the leads with either end of the budget at or above ``lowest``."""
        # The lower end is never above the higher one, so the higher one decides. A missing end equals the other.
        # Indexed.
        return self.filter(GreaterThanOrEqual(HIGHER_BUDGET, lowest))

    def max_budget(self, highest: int) -> Self:
        """Return the leads with either end of the budget at or below ``highest``."""
        return self.filter(LessThanOrEqual(LOWER_BUDGET, highest))


def first_of_last(days: int) -> date:
    """Return the first of the last ``days`` days, today (UTC) included."""
    today = timezone.now().date()
    return today - timedelta(days=min(days, today.toordinal()) - 1)


def midnight(day: date, zone: tzinfo = UTC) -> datetime:
    """Return the time at which ``day`` begins in ``zone``."""
    return datetime.combine(day, time.min, zone)
