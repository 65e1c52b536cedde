"""Merging leads: which of them survives, and whose value each field takes."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from activities.merge import merge as merge_leads
from crm_project.events import event
from crm_project.validation import MAX_BIGINT
from leads.back_office.cells import excerpt
from leads.back_office.history import label, shown
from leads.merge import FIELDS, LEAST, MAX, MergeRejected, Plan, suggest_merge
from leads.models import Lead
from leads.querysets import LeadQuerySet
from users.audit import Actor, Channel
from users.models import User

TEMPLATE = "activities/merge.html"
EXCERPT = 200  # characters of a value
HOW_MANY = f"Choose from {LEAST} to {MAX} leads that are not deleted; then they can be merged."


class Choice(NamedTuple):
    """One lead's value of a field."""

    lead: Lead
    value: str
    chosen: bool

    @property
    def excerpt(self) -> str:
        """The beginning of the value."""
        return excerpt(self.value, EXCERPT)


class Row(NamedTuple):
    """A field, with the value that each lead has; ``differs`` where there is something to choose."""

    field: str
    label: str
    choices: list[Choice]
    differs: bool


@action(description="Merge…", permissions=["merge"])
def merge(admin: Any, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Go to the page that merges the ticked leads."""
    ids = list(leads.order_by("pk").values_list("pk", flat=True)[: MAX + 1])
    if not LEAST <= len(ids) <= MAX:
        messages.error(request, HOW_MANY)
        return None
    return HttpResponseRedirect(_link(ids))


def respond(admin: Any, request: HttpRequest, frame: dict[str, Any]) -> HttpResponse:
    """The page, or what it decided."""
    ids = _numbers((request.POST if request.method == "POST" else request.GET).get("ids", ""))
    leads = list(admin.get_queryset(request).active().filter(pk__in=ids).order_by("pk")) if ids else []
    if request.method == "POST":
        return _merge(request, ids)
    if not LEAST <= len(leads) <= MAX:
        messages.error(request, HOW_MANY)
        return HttpResponseRedirect(reverse("admin:leads_lead_changelist"))
    plan = suggest_merge(leads)
    context = {**frame, "title": f"Merge {len(leads)} leads", "leads": leads, "plan": plan, "rows": _rows(leads, plan)}
    context["ids"] = ",".join(str(lead.pk) for lead in leads)
    context["activities"] = sum(lead.activity_count for lead in leads)
    return TemplateResponse(request, TEMPLATE, context)


def _merge(request: HttpRequest, ids: Sequence[int]) -> HttpResponse:
    plan = _planned(request, ids)
    if plan is None:
        messages.error(request, HOW_MANY)
        return HttpResponseRedirect(reverse("admin:leads_lead_changelist"))
    try:
        survivor = merge_leads(plan, Actor.of(cast(User, request.user), Channel.ADMIN))
    except MergeRejected as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(_link(ids))
    event("leads_merged", survivor=survivor.pk, leads=len(ids))
    messages.success(request, f"{len(ids)} leads were merged into {survivor}.")
    return HttpResponseRedirect(reverse("admin:leads_lead_change", args=[survivor.pk]))


def _planned(request: HttpRequest, ids: Sequence[int]) -> Plan | None:
    """What was decided; ``None`` where that makes no sense, which no form of ours sends."""
    fields_from = {field: _number(request.POST.get(f"from-{field}", "")) for field in FIELDS}
    survivor = _number(request.POST.get("survivor", ""))
    versions = {number: _number(request.POST.get(f"version-{number}", "")) for number in ids}
    if not LEAST <= len(ids) <= MAX or not {survivor, *fields_from.values()} <= set(ids) or None in versions.values():
        return None
    others = tuple(number for number in ids if number != survivor)
    return Plan(cast(int, survivor), others, cast(dict[str, int], fields_from), cast(dict[int, int], versions))


def _rows(leads: Sequence[Lead], plan: Plan) -> list[Row]:
    rows = []
    for field in FIELDS:
        values = [getattr(lead, field) for lead in leads]
        choices = [
            Choice(lead, shown(field, value), lead.pk == plan.fields_from[field])
            for lead, value in zip(leads, values, strict=True)
        ]
        rows.append(Row(field, label(field), choices, len({choice.value for choice in choices}) > 1))
    return rows


def _link(ids: Sequence[int]) -> str:
    return f"{reverse('admin:leads_lead_merge')}?ids={','.join(map(str, ids))}"


def _numbers(given: str) -> list[int]:
    """Ids from "5,9", without repetition; none at all where something else is among them."""
    numbers = [_number(part) for part in given.split(",", MAX + 1)]
    return [] if None in numbers else sorted(cast(set[int], set(numbers)))


def _number(given: str) -> int | None:
    return number if re.fullmatch(r"\d{1,19}", given, re.ASCII) and (number := int(given)) <= MAX_BIGINT else None
