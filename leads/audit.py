"""The audit log of leads: who changed which field when, from what to what. Entries are added and never changed.

The history of a lead has three sources. The lead's own columns say where it was created: its ``import_run``, or its
author (``leads/attribution.py``). Every later write adds a ``LeadChange``. Each activity is its own entry. The initial
values are not stored: they follow from the present ones and the changes since.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

import orjson
from django.conf import settings
from django.db import connection, models
from django.db.models import Expression, F, Value
from django.db.models.functions import JSONArray, JSONObject

from crm_project.db.append_only import AppendOnlyModel, AppendOnlyQuerySet, unconstrained_foreign_key
from crm_project.db.append_only import Changes as Changes
from users.audit import Actor, Channel

INSERT = "INSERT INTO leads_leadchange (lead_id, changes, at, kind, channel, user_id, user_name, import_run_id)"
COMMON_COLUMNS = "%s, %s, %s, %s, %s, %s"  # the columns from ``at`` on, as ``common_columns`` gives them
# The parameter is a JSON array of [lead's id, changes].
INSERT_EACH = {
    "postgresql": f"SELECT (entry.value->>0)::bigint, entry.value->1, {COMMON_COLUMNS}"
    " FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS entry(value, place) ORDER BY place",
    "sqlite": f"SELECT json_extract(entry.value, '$[0]'), json_extract(entry.value, '$[1]'), {COMMON_COLUMNS}"
    " FROM json_each(%s) AS entry ORDER BY entry.key",
}


class Kind(models.TextChoices):
    """What happened to a lead."""

    CREATED = "created"  # no ``LeadChange`` has it: the history reads the lead's own columns
    CHANGED = "changed"
    DELETED = "deleted"
    RESTORED = "restored"
    UNDONE = "undone"  # an import that created or updated this lead
    MERGED = "merged"
    ACTIVITY_CHANGED = "activity_changed"
    ACTIVITY_DELETED = "activity_deleted"
    FOLLOW_UP = "follow_up"  # created, changed, done or deleted
    CONSENT = "consent"


class LeadChangeQuerySet(AppendOnlyQuerySet["LeadChange"]):
    """``LeadChange.objects``."""

    def of_lead(self, lead_id: int) -> Self:
        """Return the changes of one lead, the newest first, with their imports."""
        return self.filter(lead_id=lead_id).select_related("import_run").order_by("-id")


class LeadChange(AppendOnlyModel):
    """A change of a lead: ``changes`` is ``{field: [before, after]}`` of the lead's own fields.

    ``LeadQuerySet`` writes it in the transaction of the change. ``user_name`` is as of writing. ``user`` is empty if an
    operator ran a command.
    """

    # No constraints in the database: leads are never deleted, checking ten thousand references would cost more than
    # writing the entries, and an entry outlives the account of its author.
    lead = models.ForeignKey(
        "leads.Lead", on_delete=models.DO_NOTHING, related_name="changes", db_index=False, db_constraint=False
    )
    at = models.DateTimeField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    changes = models.JSONField(default=dict)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    user = unconstrained_foreign_key(settings.AUTH_USER_MODEL)
    user_name = models.CharField(max_length=301)
    import_run = unconstrained_foreign_key("leads.ImportRun")

    objects: ClassVar = LeadChangeQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["lead", "-id"], name="changes_of_lead")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.user_name}"


def log_changes(
    changes: Mapping[int, Changes], actor: Actor, kind: Kind, at: datetime, run_id: int | None = None
) -> None:
    """Add an entry for each of these leads, by its id: one statement for any number of them."""
    rows = orjson.dumps(list(changes.items())).decode()
    with connection.cursor() as cursor:
        cursor.execute(f"{INSERT} {INSERT_EACH[connection.vendor]}", [*common_columns(actor, kind, at, run_id), rows])


def log_changes_for_all(
    leads: "models.QuerySet[Any]",
    changes: Expression,
    actor: Actor,
    kind: Kind,
    at: datetime,
    run_id: int | None = None,
) -> None:
    """Add an entry for each of ``leads`` without reading them: one INSERT … SELECT, in the order of their ids.

    ``changes`` is ``diff_to(…)`` before the leads are written (they are to be locked by then), or ``same_diff(…)``.
    """
    chosen, values = leads.order_by("pk").values_list("pk", changes).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH entry(id, changes) AS ({chosen}) {INSERT} SELECT id, changes, {COMMON_COLUMNS} FROM entry",
            [*values, *common_columns(actor, kind, at, run_id)],
        )


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """Return the fields of ``after`` whose value differs from that in ``before``."""
    return {field: [before[field], new] for field, new in after.items() if new != before[field]}


def kind_of_change(changes: Changes) -> Kind:
    """Return the kind of a write with these changes."""
    if "is_active" not in changes:
        return Kind.CHANGED
    return Kind.RESTORED if changes["is_active"][1] else Kind.DELETED


def diff_to(**new: Any) -> Expression:
    """Return the changes from the stored values to these (texts, numbers or ``None``), for ``log_changes_for_all``."""
    untyped = models.IntegerField()  # PostgreSQL needs a type for NULL; any will do
    values = {field: Value(value, untyped if value is None else None) for field, value in new.items()}
    return JSONObject(**{field: JSONArray(F(field), value) for field, value in values.items()})


def same_diff(changes: Changes) -> Expression:
    """Return changes that are the same for every lead, for ``log_changes_for_all``."""
    return Value(changes, models.JSONField())


def common_columns(actor: Actor, kind: Kind, at: datetime, run_id: int | None = None) -> list[Any]:
    """Return the values of ``COMMON_COLUMNS``, which the entries of one statement have in common."""
    stored_at = connection.ops.adapt_datetimefield_value(at)
    return [stored_at, kind.value, actor.channel.value, actor.user_id, actor.name, run_id]
