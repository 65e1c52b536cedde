"""Merge leads: choose the lead to keep, and the value of each field."""

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
from leads.back_office.history import display, label
from leads.merge import FIELDS, MAX, MIN, MergeRejected, Plan, suggest_merge
from leads.models import Lead
from leads.querysets import LeadQuerySet
from users import directory
from users.audit import Actor, Channel
from users.models import User

TEMPLATE = "activities/merge.html"
EXCERPT = 200  # characters of a value
WRONG_NUMBER = f"Select {MIN} to {MAX} leads that are not deleted."


class Choice(NamedTuple):
    """One lead's value of a field."""

    lead: Lead
    value: str
    chosen: bool

    @property
    def excerpt(self) -> str:
        """Return the beginning of the value."""
        return excerpt(self.value, EXCERPT)


class Row(NamedTuple):
    """A field with the value of each lead; ``differs`` if the values are not all the same."""

    field: str
    label: str
    choices: list[Choice]
    differs: bool


@action(description="Merge…", permissions=["merge"])
def merge(admin: Any, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Redirect to the merge page of the selected leads."""
    ids = list(leads.order_by("pk").values_list("pk", flat=True)[: MAX + 1])
    if not MIN <= len(ids) <= MAX:
        messages.error(request, WRONG_NUMBER)
        return None
    return HttpResponseRedirect(_link(ids))


def respond(admin: Any, request: HttpRequest, site: dict[str, Any]) -> HttpResponse:
    """Return the merge form; on POST, merge."""
    ids = _numbers((request.POST if request.method == "POST" else request.GET).get("ids", ""))
    leads = list(admin.get_queryset(request).active().filter(pk__in=ids).order_by("pk")) if ids else []
    if request.method == "POST":
        return _merge(request, ids)
    if not MIN <= len(leads) <= MAX:
        messages.error(request, WRONG_NUMBER)
        return HttpResponseRedirect(reverse("admin:leads_lead_changelist"))
    plan = suggest_merge(leads)
    context = {**site, "title": f"Merge {len(leads)} leads", "leads": leads, "plan": plan, "rows": _rows(leads, plan)}
    context["ids"] = ",".join(str(lead.pk) for lead in leads)
    context["activities"] = sum(lead.activity_count for lead in leads)
    return TemplateResponse(request, TEMPLATE, context)


def _merge(request: HttpRequest, ids: Sequence[int]) -> HttpResponse:
    plan = _parse_plan(request, ids)
    if plan is None:
        messages.error(request, WRONG_NUMBER)
        return HttpResponseRedirect(reverse("admin:leads_lead_changelist"))
    try:
        survivor = merge_leads(plan, Actor.of(cast(User, request.user), Channel.ADMIN))
    except MergeRejected as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(_link(ids))
    event("leads_merged", survivor=survivor.pk, leads=len(ids))
    messages.success(request, f"{len(ids)} leads merged into {survivor}.")
    return HttpResponseRedirect(reverse("admin:leads_lead_change", args=[survivor.pk]))


def _parse_plan(request: HttpRequest, ids: Sequence[int]) -> Plan | None:
    """Return the merge plan of a posted form; ``None`` if it is invalid."""
    fields_from = {field: _number(request.POST.get(f"from-{field}", "")) for field in FIELDS}
    survivor = _number(request.POST.get("survivor", ""))
    versions = {number: _number(request.POST.get(f"version-{number}", "")) for number in ids}
    if not MIN <= len(ids) <= MAX or not {survivor, *fields_from.values()} <= set(ids) or None in versions.values():
        return None
    others = tuple(number for number in ids if number != survivor)
    return Plan(cast(int, survivor), others, cast(dict[str, int], fields_from), cast(dict[int, int], versions))


def _rows(leads: Sequence[Lead], plan: Plan) -> list[Row]:
    owners = directory.names({lead.owner_id for lead in leads if lead.owner_id is not None})
    rows = []
    for field in FIELDS:
        values = [getattr(lead, field) for lead in leads]
        choices = [
            Choice(lead, display(field, value, owners), lead.pk == plan.fields_from[field])
            for lead, value in zip(leads, values, strict=True)
        ]
        rows.append(Row(field, label(field), choices, len({choice.value for choice in choices}) > 1))
    return rows


def _link(ids: Sequence[int]) -> str:
    return f"{reverse('admin:leads_lead_merge')}?ids={','.join(map(str, ids))}"


def _numbers(text: str) -> list[int]:
    """Return the distinct ids of "5,9"; an empty list if a part is invalid."""
    numbers = [_number(part) for part in text.split(",", MAX + 1)]
    return [] if None in numbers else sorted(cast(set[int], set(numbers)))


def _number(text: str) -> int | None:
    return number if re.fullmatch(r"\d{1,19}", text, re.ASCII) and (number := int(text)) <= MAX_BIGINT else None
