"""All questions about leads, by name, and the only ways to write them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from django.db import connection, models, transaction
from django.db.models import Exists, F, OuterRef, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThanOrEqual
from django.utils import timezone

from crm_project import validation
from crm_project.db import bulk, sql
from crm_project.db.change_time import from_microseconds
from leads import audit, validators, write_sql
from leads.attribution import author_of
from leads.selection import Agreed, LeadsMissing, lock_selection
from users.audit import Actor, Channel

if TYPE_CHECKING:
    from leads.models import Lead

Row = dict[str, Any]
T = TypeVar("T")

PART = 200  # leads of a bulk that are stored and shown at a time
UNLOCKED = 3  # tries to change a lead without locking it first
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

COUNT_ACTIVITIES = (
    "UPDATE leads_lead SET activity_count = activity_count + %s WHERE id = %s AND is_active RETURNING activity_count"
)


class SearchTerms(NamedTuple):
    """A search: words that all occur or, where ``number`` is not "", a telephone number with these digits."""

    words: Sequence[str]
    number: str = ""


class BudgetRangeError(Exception):
    """A change that would leave ``budget_min`` above the stored ``budget_max``, or the other way round."""

    def __init__(self, problems: list[validation.FieldError]) -> None:
        super().__init__(problems[0].msg)
        self.problems = problems


class VersionConflict(Exception):
    """A change meant for an earlier version of the lead; ``lead`` is as it is stored now."""

    def __init__(self, lead: "Lead") -> None:
        super().__init__(f"lead {lead.pk} is at version {lead.version}")
        self.lead = lead


class VersionConflicts(Exception):
    """Changes of which some are meant for earlier versions of their leads: the indexes of these changes."""

    def __init__(self, indexes: list[int]) -> None:
        super().__init__(f"{len(indexes)} leads are at other versions")
        self.indexes = indexes


class LeadQuerySet(models.QuerySet["Lead"]):
    """``Lead.objects``."""

    def active(self) -> Self:
        """Leads that are not softly deleted."""
        return self.filter(is_active=True)

    def deleted(self) -> Self:
        """Leads that are softly deleted."""
        return self.filter(is_active=False)

    def open(self) -> Self:
        """Leads in any status but closed and lost."""
        return self.exclude(status__in=validators.CLOSED_STATUSES)

    def inactive_since(self, day: date) -> Self:
        """Leads that came in before ``day`` (UTC) and have had no activity on it or later, until today."""
        # The walk through older leads passes over no more of them than there are activities since that day.
        has_activity = self.has_related("activities", activity_date__gte=day, activity_date__lte=timezone.localdate())
        return self.filter(created_at__lt=midnight(day)).exclude(has_activity)

    def created_since(self, day: date) -> Self:
        """Leads that came in on ``day`` (UTC) or later."""
        return self.filter(created_at__gte=midnight(day))

    def created_until(self, day: date) -> Self:
        """Leads that came in on ``day`` (UTC) or earlier."""
        return self.filter(created_at__lte=datetime.combine(day, time.max, UTC))

    def closed_since(self, day: date) -> Self:
        """Leads that are closed, and became so on ``day`` (UTC) or later."""
        return self.filter(closed_at__gte=midnight(day))

    def newest_first(self) -> Self:
        """The list's order; ends in the primary key, so that pages partition the list."""
        return self.order_by("-created_at", "-id")

    def search(self, words: Sequence[str]) -> Self:
        """Leads in whose names, e-mail or phone every (folded) word occurs; ``%`` and ``_`` are plain characters."""
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

    def create_lead(self, clean: Row, actor: Actor) -> "Lead":
        """Store one new lead from the values ``validators.validate`` returned."""
        lead = self.model(**build_row(clean, timezone.now(), channel=actor.channel))
        write_sql.insert(lead, actor)
        return lead

    def bulk_create_leads(self, rows: list[Row], actor: Actor, shown: Callable[[list[Row]], T]) -> list[T]:
        """Store new leads, all or none, and return what ``shown`` makes of all their columns, some leads at a time.

        The rows are taken out of the list, so that ten thousand need not be there twice. ``shown``, which must not use
        the database, is called while PostgreSQL takes the rows in. A handful of statements for any number of rows.
        """
        moment, author, parts = timezone.now(), author_of(actor), []
        with transaction.atomic(), bulk.adding(self.model, len(rows)) as add:
            for at in range(0, len(rows), PART):
                part = [
                    build_row(row, moment, created_by=author, channel=actor.channel) for row in rows[at : at + PART]
                ]
                rows[at : at + PART] = [{}] * len(part)
                add(part)
                parts.append(shown(part))
        return parts

    def insert_many(self, leads: Sequence[Row]) -> None:
        """Store new leads, columns complete but for the ids, which they are given; all or none."""
        with transaction.atomic():
            bulk.insert(self.model, leads)

    def update_lead(
        self,
        lead_id: int,
        clean: Mapping[str, Any],
        actor: Actor,
        versions: Collection[int] | None = None,
        active: bool = True,
    ) -> "Lead":
        """Write the given fields of an ``active`` lead (or of any), and only those; nothing where none differs.

        Raises ``Lead.DoesNotExist``; ``VersionConflict`` where ``versions`` are given and it is at none of them;
        ``BudgetRangeError`` where the stored budget and the new one do not fit.
        """
        # What stays as it was read needs no lock: PostgreSQL then takes two round trips instead of four.
        for _ in range(UNLOCKED if connection.vendor == "postgresql" else 0):
            if lead := self._changed(lead_id, clean, actor, versions, active, locked=False):
                return lead
        with transaction.atomic():
            lead = self._changed(lead_id, clean, actor, versions, active, locked=True)
        assert lead is not None  # nobody can have changed it meanwhile
        return lead

    def _changed(
        self,
        lead_id: int,
        clean: Mapping[str, Any],
        actor: Actor,
        versions: Collection[int] | None,
        active: bool,
        locked: bool,
    ) -> "Lead | None":
        """The lead with its changes written, or ``None`` where somebody else has changed it since it was read here."""
        lead = write_sql.read(self.model, lead_id, active, locked)
        if lead is None:
            raise self.model.DoesNotExist
        if versions is not None and lead.version not in versions:
            raise VersionConflict(lead)
        if problems := validators.check_budgets(clean, lead):
            raise BudgetRangeError(problems)
        read_at, changes = lead.version, audit.diff(vars(lead), clean)
        if not changes:
            return lead
        written = apply_change(lead, clean, timezone.now())
        count = write_sql.update(lead, written, changes, actor, lead.updated_at, read_at)
        if count is None:
            return None
        lead.activity_count = count
        return lead

    def update_leads(self, field: str, value: Any, actor: Actor, agreed: Agreed | None = None) -> int:
        """Give all of these leads one clean ``status``, ``source``, ``owner_id`` or ``is_active``.

        Returns how many had another one.

        All or nothing, in a constant number of statements and in constant memory, however many there are. Merged leads
        stay deleted. Raises what ``agreed.check`` raises where the leads are not those that were agreed to.
        """
        now = timezone.now()
        new = {field: value, "version": F("version") + 1, "updated_at": now}
        changes = (
            audit.same_diff({field: [not value, value]}) if field == "is_active" else audit.diff_to(**{field: value})
        )
        if field == "source":
            new["source_key"] = validators.source_key(value)
        if field == "status":
            new["closed_at"] = now if value == validators.CLOSED else None
        with transaction.atomic(), lock_selection(self) as leads:
            if agreed is not None:
                agreed.check(leads)
            leads = leads.filter(merged_into=None).exclude(**{field: value})
            audit.log_changes_for_all(leads, changes, actor, audit.kind_of_change({field: [None, value]}), now)
            return leads.update(**new)

    def update_each(self, changes: Sequence[tuple[int, int | None, Row]], actor: Actor) -> "list[Lead]":
        """Write the fields of many active leads, all or none, and return them in the order of ``changes``.

        Each change has the id, the version that the lead should have (``None``: any) and the clean fields. A constant
        number of statements. Raises ``LeadsMissing``, ``VersionConflicts``, and ``BudgetRangeError`` with indexes.
        """
        with transaction.atomic():
            pairs = self._lock_each(changes)
            _write_each(pairs, actor)
        return [lead for lead, _ in pairs]

    def _lock_each(self, changes: Sequence[tuple[int, int | None, Row]]) -> "list[tuple[Lead, Row]]":
        """The leads with their changes, which are possible; their rows are locked."""
        ids = [lead_id for lead_id, _, _ in changes]
        leads = {lead.pk: lead for lead in self.active().filter(pk__in=ids).select_for_update().order_by("pk")}
        if missing := [lead_id for lead_id in ids if lead_id not in leads]:
            raise LeadsMissing(missing)
        versions = [version for _, version, _ in changes]
        pairs = [(leads[lead_id], clean) for lead_id, _, clean in changes]
        if moved := [i for i, (lead, _) in enumerate(pairs) if versions[i] not in (None, lead.version)]:
            raise VersionConflicts(moved)
        checked = ((index, validators.check_budgets(clean, lead)) for index, (lead, clean) in enumerate(pairs))
        if problems := [p for index, found in checked for p in validation.with_location(found, index)]:
            raise BudgetRangeError(problems)
        return pairs

    def count_activities(self, lead_id: int, more: int) -> int:
        """Add ``more`` to an active lead's ``activity_count`` and return it; 0 where there is none. Locks its row."""
        found = sql.fetch(COUNT_ACTIVITIES, [more, lead_id])
        return int(found[0][0]) if found else 0

    def mark_changed(self, lead_ids: Collection[int]) -> None:
        """Move ``change_time`` of these leads, and nothing else: something that the list shows of them has changed.

        For what other tables store: an activity's day, a follow-up, a consent. What writes the lead itself, such as
        counting an activity, moves it anyway.
        """
        self.filter(pk__in=lead_ids).update(activity_count=F("activity_count"))

    def locked_keys(self, lead_ids: Collection[int]) -> dict[int, str]:
        """The ``email_key`` of each of these leads by its id, their rows locked: nobody deletes them meanwhile.

        They are locked in the order of their ids, so that two who lock many wait for each other rather than deadlock.
        """
        return dict(self.filter(pk__in=lead_ids).select_for_update().order_by("pk").values_list("pk", "email_key"))

    def count_many_activities(self, more: Mapping[int, int]) -> None:
        """Add to the ``activity_count`` of many (locked) leads, by their ids."""
        bulk.add(self.model, "activity_count", more)


def _write_each(pairs: "Sequence[tuple[Lead, Row]]", actor: Actor) -> None:
    """Write the changes of leads, whose rows are locked, and log those that change something."""
    now, columns = timezone.now(), dict[str, None]()
    changed: list[Any] = []
    entries: dict[audit.Kind, dict[int, audit.Changes]] = {}
    for lead, clean in pairs:
        if differences := audit.diff(vars(lead), clean):
            columns |= dict.fromkeys(apply_change(lead, clean, now))
            entries.setdefault(audit.kind_of_change(differences), {})[lead.pk] = differences
            changed.append(lead)
    if changed:
        bulk.update(type(changed[0]), changed, list(columns))
    for kind, of_kind in entries.items():
        audit.log_changes(of_kind, actor, kind, now)


def first_of_last(days: int) -> date:
    """The first of the last ``days``, today (UTC) included."""
    today = timezone.now().date()
    return today - timedelta(days=min(days, today.toordinal()) - 1)


def midnight(day: date) -> datetime:
    """When ``day`` begins, in UTC."""
    return datetime.combine(day, time.min, UTC)


def build_row(
    clean: Row,
    now: datetime,
    created_at: datetime | None = None,
    derived: validators.SearchKeys | None = None,
    created_by: int | None = None,
    channel: Channel | None = None,
) -> Row:
    """Every column of a new lead but its id, from the values ``validators.validate`` returned.

    ``created_by`` is the id of an author; in an import there is none, and no channel.
    """
    made = created_at or now
    derived = derived or validators.search_keys_of(clean)
    return {
        **validators.DEFAULTS,
        **clean,
        "search": derived.search,
        "source_key": derived.source_key,
        "email_key": derived.email_key,
        "person_key": derived.person_key,
        "name_key": derived.name_key,
        "tag_keys": validators.tag_keys(clean["tags"]) if "tags" in clean else "",
        "is_active": True,
        "created_at": made,
        "updated_at": now,
        "closed_at": made if clean["status"] == validators.CLOSED else None,
        "activity_count": 0,
        "version": 1,
        "import_run_id": None,
        "merged_into_id": None,
        "created_by_id": created_by,
        "created_channel": channel and channel.value,
    }


def apply_change(lead: "Lead", clean: Mapping[str, Any], now: datetime) -> list[str]:
    """Set values on the instance with all that follows from them; returns the names of the columns to write."""
    new: Row = {**clean, "version": lead.version + 1, "updated_at": now}
    if "status" in clean and (clean["status"] == validators.CLOSED) != (lead.status == validators.CLOSED):
        new["closed_at"] = now if clean["status"] == validators.CLOSED else None
    if "tags" in clean:
        new["tag_keys"] = validators.tag_keys(clean["tags"])
    if not clean.keys().isdisjoint(validators.SEARCH_KEY_FIELDS):
        parts = {field: clean.get(field, getattr(lead, field)) for field in validators.SEARCH_KEY_FIELDS}
        new.update(validators.search_keys_of(parts)._asdict())
    for field, value in new.items():
        setattr(lead, field, value)
    return list(new)
