"""Merging leads of one person: one lead survives, the others are deleted softly and point to it.

``activities/merge.py`` calls ``lock_leads``, moves activities and follow-ups to the survivor, and calls
``apply_merge``.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from django.db.models import F
from django.utils import timezone

from leads import audit, validators
from leads.audit import Kind
from leads.models import Consent, Lead
from leads.querysets import apply_change
from users.audit import Actor

MIN, MAX = 2, 20  # leads in one merge
FIELDS = (*validators.CREATE_RULES, "owner_id")  # without tags: the survivor gets the tags of all

Leads = dict[int, Lead]


class MergeRejected(Exception):
    """The leads cannot be merged; a sentence for people."""


class Plan(NamedTuple):
    """The lead that survives, the others, and by field the lead whose value it gets (by default the survivor's).

    ``versions`` are those that the user has seen, by the lead's id.
    """

    survivor: int
    others: tuple[int, ...]
    fields_from: Mapping[str, int]
    versions: Mapping[int, int]


def suggest_merge(leads: Iterable[Lead]) -> Plan:
    """Return a plan in which the oldest lead survives, and the next oldest ones fill its empty fields."""
    first, *others = sorted(leads, key=lambda lead: lead.pk)
    fields_from = {
        field: next((lead.pk for lead in (first, *others) if getattr(lead, field) not in (None, "")), first.pk)
        for field in FIELDS
    }
    versions = {lead.pk: lead.version for lead in (first, *others)}
    return Plan(first.pk, tuple(lead.pk for lead in others), fields_from, versions)


def lock_leads(plan: Plan) -> Leads:
    """Lock the rows of the leads of a plan, in the order of their ids, and return them by id. Call it in a transaction.

    Raises ``MergeRejected`` if a lead is no longer active, or no longer at the version that was seen.
    """
    ids = {plan.survivor, *plan.others}
    if not MIN <= len(ids) <= MAX:
        raise MergeRejected(f"From {MIN} to {MAX} leads can be merged at a time.")
    leads = {lead.pk: lead for lead in Lead.objects.active().filter(pk__in=ids).select_for_update().order_by("pk")}
    if gone := ids - leads.keys():
        raise MergeRejected(f"Nothing was merged: lead {_listed(gone)} was deleted or merged meanwhile.")
    if moved := {pk for pk, lead in leads.items() if lead.version != plan.versions.get(pk)}:
        raise MergeRejected(f"Nothing was merged: lead {_listed(moved)} was changed meanwhile. Please look again.")
    return leads


def apply_merge(plan: Plan, leads: Leads, actor: Actor) -> Lead:
    """Write the chosen values to the survivor, delete the others softly, and return the survivor.

    ``leads`` are those that ``lock_leads`` returned; their activities are moved already. Raises ``MergeRejected`` if
    the lowest budget chosen is above the highest one.
    """
    now = timezone.now()
    survivor = leads[plan.survivor]
    clean = {field: getattr(leads[source], field) for field, source in plan.fields_from.items()}
    clean["tags"] = validators.unite_tags(survivor.tags, *(lead.tags for lead in leads.values()))
    if validators.check_budgets(clean, survivor):
        raise MergeRejected("Nothing was merged: the lowest budget that you chose is above the highest one.")
    changes = audit.diff(survivor.__dict__, clean) | {"merged_from": [None, list(plan.others)]}
    written = apply_change(survivor, clean, now)
    if "status" in plan.fields_from:
        survivor.closed_at = leads[plan.fields_from["status"]].closed_at  # the time of the lead whose status it gets
    survivor.activity_count = sum(lead.activity_count for lead in leads.values())
    survivor.save(update_fields={*written, "closed_at", "activity_count"})
    audit.log_changes({survivor.pk: changes}, actor, Kind.MERGED, now)
    Consent.objects.merge(survivor.pk, plan.others, actor)
    soft_delete_merged(plan, actor)
    return survivor


def soft_delete_merged(plan: Plan, actor: Actor) -> None:
    """Delete the other leads of a plan softly, and point them, and leads merged into them earlier, to the survivor."""
    now = timezone.now()
    others = Lead.objects.filter(pk__in=plan.others)
    changes: audit.Changes = {"is_active": [True, False], "merged_into": [None, plan.survivor]}
    audit.log_changes_for_all(others, audit.same_diff(changes), actor, Kind.MERGED, now)
    others.update(
        is_active=False, merged_into=plan.survivor, activity_count=0, version=F("version") + 1, updated_at=now
    )
    Lead.objects.filter(merged_into__in=plan.others).update(merged_into=plan.survivor)


def _listed(ids: Collection[int]) -> str:
    return ", ".join(str(number) for number in sorted(ids))
