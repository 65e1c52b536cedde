"""Bulk actions on leads. Each first shows the exact number of leads and asks for confirmation.

An action gets the leads that match the filters of the list, or the selected ones. The confirmed ``Selection`` is sent
with the confirmation and compared when the rows are locked, so that no lead is changed that the user did not confirm.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.contrib.admin import helpers
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from crm_project.events import event
from leads import validators
from leads.back_office import download
from leads.back_office.cells import pluralize
from leads.back_office.choices import statuses
from leads.querysets import LeadQuerySet
from leads.selection import Selection, SelectionChanged, summarize
from users.audit import Actor, Channel
from users.models import User

TEMPLATE = "leads/back_office/confirm.html"
MAX = 50_000  # leads changed in one request, some 20 seconds on a busy machine with a million of them
_selection = re.compile(r"(\d{1,18})-(\d{1,30})", re.ASCII)


class Step(NamedTuple):
    """The texts of a confirmation page. ``past`` is for messages: "28 leads updated"."""

    name: str
    title: str
    effect: str
    button: str
    past: str
    dangerous: bool = False


DELETE = Step(
    "delete_softly",
    "Delete",
    "Deleted leads are in no list and no figure. They can be restored from the view “Deleted”.",
    "Delete",
    "deleted",
    dangerous=True,
)
RESTORE = Step("restore", "Restore", "They return to the list with their activities.", "Restore", "restored")
SET_STATUS = Step(
    "set_status", "Set the status of", "Leads already in this status stay unchanged.", "Set status", "updated"
)
EXPORT = Step("export", "Export", "The file has one row per lead and can be imported again.", "Download", "exported")


@action(description="Set status…", permissions=["change"])
def set_status(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Set the status of all."""
    status = request.POST.get("status")
    if status is not None:
        clean, problems = validators.validate({"status": status}, partial=True)
        if problems:
            messages.error(request, f"Not changed: {problems[0].msg}.")
            return None
        return _change(admin, request, leads, SET_STATUS, "status", clean["status"])
    return _confirm(admin, request, leads, SET_STATUS, summarize(leads))


@action(description="Delete…", permissions=["change"])
def delete_softly(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Soft-delete all."""
    return _change(admin, request, leads.active(), DELETE, "is_active", False)


@action(description="Restore…", permissions=["change"])
def restore(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Restore deleted leads, except merged ones."""
    return _change(admin, request, leads.filter(is_active=False, merged_into=None), RESTORE, "is_active", True)


@action(description="Export…", permissions=["export"])
def export(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponseBase | None:
    """Download all as an Excel workbook or CSV file."""
    leads = leads.active()
    if _confirmed(request) is None:
        return _confirm(admin, request, leads, EXPORT, summarize(leads))
    return download.export_response(request, leads, request.POST.get("format", ""))


ACTIONS: tuple[Callable[..., Any], ...] = (set_status, export, delete_softly, restore)


def _change(
    admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, field: str, value: Any
) -> HttpResponse | None:
    """Change the leads if the user has confirmed; otherwise, or if the selection has changed since, ask."""
    confirmed = _confirmed(request)
    if confirmed is None or confirmed.size > MAX:
        return _confirm(admin, request, leads, step, summarize(leads))
    try:
        changed = leads.update_leads(field, value, _actor(request), confirmed)
    except SelectionChanged as error:
        now = error.selection
        messages.warning(
            request,
            f"The selection has changed ({confirmed.size:,} → {pluralize(now.size, 'lead')})."
            " Review it and confirm again.",
        )
        return _confirm(admin, request, leads, step, now)
    event(f"leads_{step.name}", leads=changed)
    messages.success(request, _result(step, confirmed.size, changed))
    return None


def _confirm(
    admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, selection: Selection
) -> HttpResponse | None:
    if not selection.size:
        messages.info(request, f"None of the selected leads can be {step.past}.")
        return None
    context = {
        **admin.admin_site.each_context(request),
        "title": f"{step.title} {pluralize(selection.size, 'lead')}",
        "opts": admin.opts,
        "step": step,
        "selection": selection,
        "leads": pluralize(selection.size, "lead"),
        "too_many": selection.size > MAX and step is not EXPORT,
        "max_leads": MAX,
        "first": leads.newest_first()[:5],
        "statuses": statuses() if step is SET_STATUS else (),
        "status": request.POST.get("status", ""),
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "across": request.POST.get("select_across") == "1",
        "list_path": request.get_full_path(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _confirmed(request: HttpRequest) -> Selection | None:
    """Return the selection that the user confirmed; ``None`` before that."""
    match = _selection.fullmatch(request.POST.get("confirmed", ""))
    return Selection(int(match[1]), int(match[2])) if match else None


def _actor(request: HttpRequest) -> Actor:
    return Actor.of(cast(User, request.user), Channel.ADMIN)


def _result(step: Step, confirmed: int, changed: int) -> str:
    unchanged = f", {confirmed - changed:,} already had this status" if changed < confirmed else ""
    return f"{pluralize(changed, 'lead')} {step.past}{unchanged}."
