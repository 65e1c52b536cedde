"""Consent: whether a lead may be called, texted or emailed. Statements are added, and never changed or deleted.

For each channel, the latest statement about it or about ``all`` is in force. When leads are merged, a revocation of any
of them stays in force. A statement sets the lead's ``change_time``, but neither its ``version`` nor ``updated_at``.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from crm_project import json_schema as schema
from crm_project import validation
from crm_project.db.append_only import AppendOnlyModel, AppendOnlyQuerySet, unconstrained_foreign_key
from crm_project.validation import FieldRule, InvalidValue
from leads import audit
from leads.audit import Kind
from users.audit import Actor, Channel

WAYS = ("call", "text", "email")
ALL = "all"
GRANTED, REVOKED = "granted", "revoked"
MAX_TEXT = 2000
BATCH = 500  # statements of an import that are stored at a time
MAX_CONSENTS = 1000
TOO_MANY = f"A lead can have at most {MAX_CONSENTS:,} statements of consent"
MERGED = "Leads were merged, and the strictest consent counts"

Consents = dict[str, str | None]  # the state in force by channel


class TooManyConsents(Exception):
    """The lead has ``MAX_CONSENTS`` statements already. The text is for people."""


def channel(value: object) -> str:
    """Return a channel: one of ``WAYS``, or ``all``. Raise ``InvalidValue`` for another value."""
    return _choice(value, (*WAYS, ALL))


def state(value: object) -> str:
    """Return ``granted`` or ``revoked``. Raise ``InvalidValue`` for another value."""
    return _choice(value, (GRANTED, REVOKED))


def words(value: object) -> str:
    """Return a text of at most ``MAX_TEXT`` characters. Raise ``InvalidValue`` for another value."""
    return validation.text(value, MAX_TEXT)


def _choice(value: object, choices: Sequence[str]) -> str:
    if value not in choices:
        *others, last = (f"'{known}'" for known in choices)
        raise InvalidValue("literal_error", f"Input should be {', '.join(others)} or {last}")
    return str(value)


RULES: dict[str, FieldRule] = {
    "channel": FieldRule(channel, schema={"type": "string", "enum": [*WAYS, ALL]}),
    "state": FieldRule(state, schema={"type": "string", "enum": [GRANTED, REVOKED]}),
    "wording": FieldRule(words, True, None, schema.text(MAX_TEXT, description="What the person said or agreed to")),
    "evidence": FieldRule(words, True, None, schema.text(MAX_TEXT, description="Where that is recorded")),
}


def latest_sql(way: str) -> str:
    """Return a subquery for the state in force of a channel, for use in a query of ``leads_lead``."""
    return (
        "(SELECT consent.state FROM leads_consent AS consent WHERE consent.lead_id = leads_lead.id"
        f" AND consent.channel IN ('{way}', '{ALL}') ORDER BY consent.id DESC LIMIT 1)"
    )


class ConsentQuerySet(AppendOnlyQuerySet["Consent"]):
    """``Consent.objects``."""

    def of_leads(self, lead_ids: Collection[int]) -> "ConsentQuerySet":
        """Return the statements about these leads, the latest first."""
        return self.filter(lead_id__in=lead_ids).order_by("-pk")

    def in_force(self, lead_ids: Collection[int]) -> dict[int, Consents]:
        """Return the state in force of each channel, by the lead's id. One query."""
        found: dict[int, Consents] = {pk: dict.fromkeys(WAYS) for pk in lead_ids}
        for lead_id, of, given in self.of_leads(lead_ids).values_list("lead_id", "channel", "state"):
            for way in WAYS if of == ALL else (of,):
                found[lead_id][way] = found[lead_id][way] or given
        return found

    def statements_in_force(self, lead_ids: Collection[int]) -> "dict[int, dict[str, Consent]]":
        """Return the statements in force, by the lead's id and the channel. One query."""
        found: dict[int, dict[str, Consent]] = {pk: {} for pk in lead_ids}
        for consent in self.of_leads(lead_ids):
            for way in WAYS if consent.channel == ALL else (consent.channel,):
                found[consent.lead_id].setdefault(way, consent)
        return found

    def record(self, lead_id: int, clean: Mapping[str, Any], actor: Actor) -> "Consent":
        """Store a statement about an active lead. Raises ``Lead.DoesNotExist``, ``TooManyConsents``."""
        leads: Any = self.model._meta.get_field("lead").related_model
        with transaction.atomic():
            if not leads.objects.active().filter(pk=lead_id).select_for_update().exists():
                raise leads.DoesNotExist
            if self.filter(lead_id=lead_id).count() >= MAX_CONSENTS:
                raise TooManyConsents(TOO_MANY)
            consent = self._add([(lead_id, clean)], actor)[0]
            leads.objects.mark_changed([lead_id])
        return consent

    def record_many(
        self, rows: Sequence[tuple[int, Mapping[str, Any]]], actor: Actor, run_id: int, are_new: bool
    ) -> None:
        """Store statements of an import; of leads that existed before, only those that change the state in force.

        A statement may have its own ``created_at``.
        """
        for at in range(0, len(rows), BATCH):
            part = rows[at : at + BATCH]
            if not are_new:
                leads: Any = self.model._meta.get_field("lead").related_model
                ids = leads.objects.locked_keys({lead_id for lead_id, _ in part}).keys()
                now = self.in_force(ids)
                part = [
                    (pk, clean) for pk, clean in part if any(now[pk][way] != clean["state"] for way in ways_of(clean))
                ]
                leads.objects.mark_changed({lead_id for lead_id, _ in part})
            if part:
                self._add(part, actor, run_id)

    def _add(
        self, rows: Sequence[tuple[int, Mapping[str, Any]]], actor: Actor, run_id: int | None = None
    ) -> "list[Consent]":
        """Store statements, and add one entry to the history of each lead."""
        now = timezone.now()
        common = {"user_id": actor.user_id, "user_name": actor.name, "through": actor.channel.value, "created_at": now}
        consents = [self.model(lead_id=lead_id, import_run_id=run_id, **{**common, **clean}) for lead_id, clean in rows]
        stored = self.bulk_create(consents, batch_size=500)
        entries: dict[int, audit.Changes] = {}
        for lead_id, clean in rows:
            entries.setdefault(lead_id, {})[f"consent_{clean['channel']}"] = [None, clean["state"]]
        audit.log_changes(entries, actor, Kind.CONSENT, now, run_id)
        return stored

    def merge(self, survivor: int, others: Collection[int], actor: Actor) -> None:
        """Move the statements of merged leads to the survivor. Add a revocation again if it is no longer in force."""
        before = self.in_force([survivor, *others])
        self.filter(lead_id__in=others).overwrite(lead_id=survivor)
        now = self.in_force([survivor])[survivor]
        stricter = [way for way in WAYS if any(of[way] == REVOKED for of in before.values()) and now[way] != REVOKED]
        if stricter:
            self._add([(survivor, {"channel": way, "state": REVOKED, "wording": MERGED}) for way in stricter], actor)


class Consent(AppendOnlyModel):
    """A statement that a lead has granted or revoked consent to be contacted over a channel."""

    lead = models.ForeignKey(
        "leads.Lead", on_delete=models.PROTECT, related_name="consents", db_index=False, db_constraint=False
    )
    channel = models.CharField(max_length=8)
    state = models.CharField(max_length=8)
    wording = models.TextField(null=True)  # noqa: DJ001  the API distinguishes null and ""
    evidence = models.TextField(null=True)  # noqa: DJ001
    created_at = models.DateTimeField(default=timezone.now)
    user = unconstrained_foreign_key(settings.AUTH_USER_MODEL)
    user_name = models.CharField(max_length=301)
    through = models.CharField(max_length=8, choices=Channel.choices)
    import_run = unconstrained_foreign_key("leads.ImportRun")

    objects: ClassVar = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(channel__in=(*WAYS, ALL)), name="consents_channel_known"),
            models.CheckConstraint(condition=models.Q(state__in=(GRANTED, REVOKED)), name="consents_state_known"),
        ]
        indexes = [
            models.Index(fields=["lead", "-id"], name="consents_of_lead"),
            models.Index(
                fields=["import_run"], condition=models.Q(import_run__isnull=False), name="consents_of_import"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.state}"


def ways_of(clean: Mapping[str, Any]) -> Sequence[str]:
    """Return the channels that a statement is about."""
    return WAYS if clean["channel"] == ALL else (clean["channel"],)
