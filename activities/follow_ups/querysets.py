"""The named queries of follow-ups, and all writes.

Each write locks the row of the lead first, as logging an activity does. It adds an entry to the lead's history, and
sets the lead's ``change_time``, because its next follow-up may have changed.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from leads import audit
from leads.audit import Kind
from leads.models import Lead
from users.audit import Actor

if TYPE_CHECKING:
    from activities.models import FollowUp

MAX_FOLLOW_UPS = 2000
TOO_MANY = f"A lead can have at most {MAX_FOLLOW_UPS:,} follow-ups"
ABOUT = "follow_up"  # the field of the history with the follow-up's kind and title, as both values
FIELDS = ("title", "kind", "due_on", "due_time", "assignee_id")


class TooManyFollowUps(Exception):
    """The lead has ``MAX_FOLLOW_UPS`` already. The text is for people."""


class AlreadyDone(Exception):
    """The follow-up was done before."""


class FollowUpQuerySet(models.QuerySet["FollowUp"]):
    """``FollowUp.objects``."""

    def of_active_leads(self) -> Self:
        """Return the follow-ups of leads that are not softly deleted, by a subquery for each.

        For a join, PostgreSQL would overestimate the open follow-ups that are due, and read all leads.
        """
        leads = Lead.objects.filter(pk=OuterRef("lead_id")).order_by()
        return self.alias(of_active_lead=Subquery(leads.values("is_active"))).filter(of_active_lead=True)

    def of_leads(self, lead_ids: Sequence[int]) -> Self:
        """Return the follow-ups of these leads."""
        return self.filter(lead_id__in=lead_ids)

    def open(self) -> Self:
        """Return the follow-ups that are not done."""
        return self.filter(done_at=None)

    def done(self) -> Self:
        """Return the follow-ups that are done."""
        return self.filter(done_at__isnull=False)

    def due_first(self) -> Self:
        """Order by day and time; those without a time come first on their day."""
        return self.order_by("due_on", "due_time", "pk")

    def due_until(self, day: date) -> Self:
        """Return the follow-ups that are due on ``day`` or earlier."""
        return self.filter(due_on__lte=day)

    def plan(self, lead_id: int, clean: Mapping[str, Any], actor: Actor) -> "FollowUp":
        """Store a follow-up with an active lead. Raises ``Lead.DoesNotExist``, ``TooManyFollowUps``."""
        with transaction.atomic():
            _lock_lead(lead_id)
            if self.filter(lead_id=lead_id).count() >= MAX_FOLLOW_UPS:
                raise TooManyFollowUps(TOO_MANY)
            follow_up = self.model(lead_id=lead_id, created_by_id=actor.user_id, **_stored(clean))
            follow_up.save(force_insert=True)
            _log(follow_up, _changes(follow_up, is_new=True), actor)
        return follow_up

    def store_imported(self, rows: Sequence[Mapping[str, Any]], actor: Actor, run_id: int, now: datetime) -> None:
        """Store the rows of an import, whose leads are locked; one entry in the history of each lead."""
        self.bulk_create([self.model(**_stored(row), import_run_id=run_id) for row in rows], batch_size=500)
        titles: dict[int, list[str]] = {}
        for row in rows:
            titles.setdefault(row["lead_id"], []).append(f"{row['kind']}: {row['title']}")
        entries: dict[int, audit.Changes] = {lead_id: {ABOUT: [of, of]} for lead_id, of in titles.items()}
        audit.log_changes(entries, actor, Kind.FOLLOW_UP, now, run_id)
        Lead.objects.mark_changed(titles)

    def change(self, follow_up_id: int, clean: Mapping[str, Any], actor: Actor) -> "FollowUp":
        """Write the given fields of a follow-up, and return it. Nothing is written if no value differs.

        Raises ``FollowUp.DoesNotExist``, also if its lead is deleted.
        """
        with transaction.atomic():
            follow_up = self.lock(follow_up_id)
            values = _stored(clean)
            differences = audit.diff(vars(follow_up), values)
            if differences:
                for name, value in values.items():
                    setattr(follow_up, name, value)
                follow_up.save(update_fields=list(differences))
                _log(follow_up, differences, actor)
        return follow_up

    def remove(self, follow_up_id: int, actor: Actor) -> None:
        """Delete a follow-up; the lead's history has its values. Raises ``FollowUp.DoesNotExist``."""
        with transaction.atomic():
            follow_up = self.lock(follow_up_id)
            _log(follow_up, _changes(follow_up, is_new=False), actor)
            self.filter(pk=follow_up_id).delete()

    def complete(self, follow_up_id: int, activity_id: int | None, actor: Actor) -> "FollowUp":
        """Mark a follow-up done, and return it. Raises ``FollowUp.DoesNotExist``, ``AlreadyDone``."""
        with transaction.atomic():
            follow_up = self.lock(follow_up_id)
            if follow_up.done_at is not None:
                raise AlreadyDone("It is done already")
            follow_up.done_at, follow_up.activity_id = timezone.now(), activity_id
            follow_up.save(update_fields=["done_at", "activity"])
            _log(follow_up, {"done_at": [None, follow_up.done_at]}, actor)
        return follow_up

    def lock(self, follow_up_id: int) -> "FollowUp":
        """Lock the row of the lead of a follow-up, and return the follow-up. Call it in a transaction.

        Repeats if a merge moved the follow-up to another lead. Raises ``FollowUp.DoesNotExist``.
        """
        while True:
            follow_up = self.of_active_leads().get(pk=follow_up_id)
            locked = Lead.objects.active().filter(pk=follow_up.lead_id).select_for_update().exists()
            if locked and (again := self.filter(pk=follow_up_id, lead_id=follow_up.lead_id).first()):
                return again

    def hand_over(self, user_id: int, to_user: int | None, actor: Actor) -> int:
        """Assign the open follow-ups of a user to another one, or to nobody; return how many there were."""
        with transaction.atomic():
            mine = self.open().filter(assignee_id=user_id)
            lead_ids = sorted(set(mine.values_list("lead_id", flat=True)))
            Lead.objects.locked_keys(lead_ids)
            chosen = list(mine.filter(lead_id__in=lead_ids).order_by("pk"))
            titles: dict[int, list[str]] = {}
            for follow_up in chosen:
                titles.setdefault(follow_up.lead_id, []).append(str(follow_up))
            if chosen:
                self.filter(pk__in=[follow_up.pk for follow_up in chosen]).update(assignee_id=to_user)
                entries: dict[int, audit.Changes] = {
                    pk: {ABOUT: [of, of], "assignee_id": [user_id, to_user]} for pk, of in titles.items()
                }
                audit.log_changes(entries, actor, Kind.FOLLOW_UP, timezone.now())
                Lead.objects.mark_changed(lead_ids)
        return len(chosen)


def _lock_lead(lead_id: int) -> None:
    if not Lead.objects.active().filter(pk=lead_id).select_for_update().exists():
        raise Lead.DoesNotExist


def _stored(clean: Mapping[str, Any]) -> dict[str, Any]:
    """Return clean values in the form of the columns: "" if there is no time."""
    return {**clean, "due_time": clean["due_time"] or ""} if "due_time" in clean else dict(clean)


def _changes(follow_up: "FollowUp", is_new: bool) -> audit.Changes:
    """Return the values of a new or deleted follow-up as changes, without the empty ones."""
    values = {name: value for name in FIELDS if (value := getattr(follow_up, name)) not in (None, "")}
    values["follow_up_id"] = follow_up.pk
    return {name: [None, value] if is_new else [value, None] for name, value in values.items()}


def _log(follow_up: "FollowUp", changes: audit.Changes, actor: Actor) -> None:
    entry = {ABOUT: [str(follow_up)] * 2, **{name: [*map(_json_value, pair)] for name, pair in changes.items()}}
    audit.log_changes({follow_up.lead_id: entry}, actor, Kind.FOLLOW_UP, timezone.now())
    Lead.objects.mark_changed([follow_up.lead_id])


def _json_value(value: Any) -> Any:
    """Return a value in the form that it has in JSON."""
    return value.isoformat() if isinstance(value, date | datetime) else value
