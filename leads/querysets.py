"""The writes of leads. All code writes leads through ``LeadQuerySet``; ``queries.py`` has the named queries."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from crm_project import validation
from crm_project.db import bulk, sql
from leads import audit, search_keys, validators, write_sql
from leads.attribution import author_of
from leads.queries import LeadQueries
from leads.selection import Agreed, LeadsMissing, lock_selection
from users.audit import Actor, Channel

if TYPE_CHECKING:
    from leads.models import Lead

Row = dict[str, Any]
T = TypeVar("T")

PART = 200  # leads that ``bulk_create_leads`` stores and serializes at a time
UNLOCKED_TRIES = 3  # to change a lead without locking it first
# The columns that are the same for every new lead.
NEW_LEAD: Row = {
    "is_active": True,
    "activity_count": 0,
    "version": 1,
    "import_run_id": None,
    "merged_into_id": None,
}
COUNT_ACTIVITIES = (
    "UPDATE leads_lead SET activity_count = activity_count + %s WHERE id = %s AND is_active RETURNING activity_count"
)


class BudgetRangeError(Exception):
    """A change after which ``budget_min`` would be above ``budget_max``."""

    def __init__(self, problems: list[validation.FieldError]) -> None:
        super().__init__(problems[0].msg)
        self.problems = problems


class VersionConflict(Exception):
    """A change was made for another version of the lead; ``lead`` is the stored one."""

    def __init__(self, lead: "Lead") -> None:
        super().__init__(f"lead {lead.pk} is at version {lead.version}")
        self.lead = lead


class VersionConflicts(Exception):
    """Some changes were made for other versions of their leads; ``indexes`` are those of these changes."""

    def __init__(self, indexes: list[int]) -> None:
        super().__init__(f"{len(indexes)} leads are at other versions")
        self.indexes = indexes


class LeadQuerySet(LeadQueries):
    """``Lead.objects``: the named queries, and all writes of leads."""

    def create_lead(self, clean: Row, actor: Actor) -> "Lead":
        """Store one new lead from the values ``validators.validate`` returned."""
        lead = self.model(**build_row(clean, timezone.now(), channel=actor.channel))
        write_sql.insert(lead, actor)
        return lead

    def bulk_create_leads(self, rows: list[Row], actor: Actor, serialize: Callable[[list[Row]], T]) -> list[T]:
        """Store new leads, all or none, and return the results of ``serialize``, which gets ``PART`` leads at a time.

        ``rows`` is emptied in place, to save memory. ``serialize`` gets all columns. It must not use the database: it
        is called while PostgreSQL stores the rows. A constant number of statements for any number of rows.
        """
        now, author, parts = timezone.now(), author_of(actor), []
        with transaction.atomic(), bulk.adding(self.model, len(rows)) as add:
            for at in range(0, len(rows), PART):
                part = [build_row(row, now, created_by=author, channel=actor.channel) for row in rows[at : at + PART]]
                rows[at : at + PART] = [{}] * len(part)
                add(part)
                parts.append(serialize(part))
        return parts

    def insert_many(self, leads: Sequence[Row]) -> None:
        """Store new leads with all columns but the ids, and set the ids in ``leads``; all or none."""
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
        """Write the given fields of a lead if a value differs. With ``active``, only of an active lead.

        Raises ``Lead.DoesNotExist``; ``VersionConflict`` if ``versions`` are given without that of the lead;
        ``BudgetRangeError`` if ``budget_min`` would be above ``budget_max``.
        """
        # The write checks the version that was read, so no lock is needed: two round trips to PostgreSQL instead of
        # four.
        for _ in range(UNLOCKED_TRIES if connection.vendor == "postgresql" else 0):
            if lead := self._try_change(lead_id, clean, actor, versions, active, locked=False):
                return lead
        with transaction.atomic():
            lead = self._try_change(lead_id, clean, actor, versions, active, locked=True)
        assert lead is not None  # its row is locked, so nobody changed it meanwhile
        return lead

    def _try_change(
        self,
        lead_id: int,
        clean: Mapping[str, Any],
        actor: Actor,
        versions: Collection[int] | None,
        active: bool,
        locked: bool,
    ) -> "Lead | None":
        """Read the lead, write its changes, and return it; ``None`` if another writer changed it in between."""
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
        remain deleted. Raises what ``agreed.check`` raises.
        """
        now = timezone.now()
        new = {field: value, "version": F("version") + 1, "updated_at": now}
        changes = (
            audit.same_diff({field: [not value, value]}) if field == "is_active" else audit.diff_to(**{field: value})
        )
        if field == "source":
            new["source_key"] = search_keys.source_key(value)
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
        """Lock the rows of the leads, check the changes, and return the leads with them."""
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
        """Add to an active lead's ``activity_count``, which locks its row, and return it; 0 if there is no such
        lead.
        """
        found = sql.fetch(COUNT_ACTIVITIES, [more, lead_id])
        return int(found[0][0]) if found else 0

    def mark_changed(self, lead_ids: Collection[int]) -> None:
        """Set the ``change_time`` of these leads, because a row of another table that the list shows has changed.

        Call it for an activity's day, a follow-up or a consent. A write of the lead itself sets it anyway.
        """
        self.filter(pk__in=lead_ids).update(activity_count=F("activity_count"))

    def locked_keys(self, lead_ids: Collection[int]) -> dict[int, str]:
        """Lock the rows of these leads, and return the ``email_key`` of each by its id. Call it in a transaction.

        The rows are locked in the order of their ids, so that two transactions do not deadlock.
        """
        return dict(self.filter(pk__in=lead_ids).select_for_update().order_by("pk").values_list("pk", "email_key"))

    def count_many_activities(self, more: Mapping[int, int]) -> None:
        """Add to the ``activity_count`` of many leads, by their ids. Their rows must be locked."""
        bulk.add(self.model, "activity_count", more)


def _write_each(pairs: "Sequence[tuple[Lead, Row]]", actor: Actor) -> None:
    """Write the changes of leads whose rows are locked, and log the values that differ."""
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


def build_row(
    clean: Row,
    now: datetime,
    created_at: datetime | None = None,
    derived: search_keys.SearchKeys | None = None,
    created_by: int | None = None,
    channel: Channel | None = None,
) -> Row:
    """Return all columns of a new lead but its id, from the values that ``validators.validate`` returned.

    ``created_by`` is the id of an author. An import has neither an author nor a channel.
    """
    row = validators.DEFAULTS | clean | NEW_LEAD
    derived = derived or search_keys.search_keys_of(clean)
    row["search"], row["source_key"], row["email_key"], row["person_key"], row["name_key"] = derived
    row["tag_keys"] = validators.tag_keys(row["tags"])
    row["created_at"] = created_at or now
    row["updated_at"] = now
    row["closed_at"] = row["created_at"] if row["status"] == validators.CLOSED else None
    row["created_by_id"] = created_by
    row["created_channel"] = channel and channel.value
    return row


def apply_change(lead: "Lead", clean: Mapping[str, Any], now: datetime) -> list[str]:
    """Set values on the instance, and the columns computed from them; return the names of the columns to write."""
    new: Row = {**clean, "version": lead.version + 1, "updated_at": now}
    if "status" in clean and (clean["status"] == validators.CLOSED) != (lead.status == validators.CLOSED):
        new["closed_at"] = now if clean["status"] == validators.CLOSED else None
    if "tags" in clean:
        new["tag_keys"] = validators.tag_keys(clean["tags"])
    if not clean.keys().isdisjoint(search_keys.SEARCH_KEY_FIELDS):
        parts = {field: clean.get(field, getattr(lead, field)) for field in search_keys.SEARCH_KEY_FIELDS}
        new.update(search_keys.search_keys_of(parts)._asdict())
    for field, value in new.items():
        setattr(lead, field, value)
    return list(new)
