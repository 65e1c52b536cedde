"""What staff do with many leads: each action first says how many there are, exactly, and waits for a yes.

An action gets the leads under the list's own filters, or those ticked. What was agreed to (``picking.Selection``) goes
along with the yes, and is compared once the rows are locked: nobody closes a lead that they were not told of.
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
from leads.back_office.cells import counted
from leads.back_office.choices import statuses
from leads.querysets import LeadQuerySet
from leads.selection import Selection, SelectionChanged, summarize
from users.audit import Actor, Channel
from users.models import User

TEMPLATE = "leads/back_office/confirm.html"
MAX = 50_000  # leads changed in one request, some 20 seconds on a busy machine with a million of them
_pick = re.compile(r"(\d{1,18})-(\d{1,30})", re.ASCII)


class Step(NamedTuple):
    """What the page that asks says: "Close 12 leads", what follows from it, and the word on the button."""

    name: str
    title: str
    follows: str
    button: str
    dangerous: bool = False


DELETE = Step(
    "delete_softly",
    "Delete",
    "They leave the list, the dashboard and the API. Nothing is lost: they are under “Deleted” and can be restored.",
    "Delete",
    dangerous=True,
)
RESTORE = Step("restore", "Restore", "They come back into the list, with their activities.", "Restore")
SET_STATUS = Step("set_status", "Set the status of", "Leads that have it already stay as they are.", "Set status")
EXPORT = Step("export", "Export", "The file has a row for each lead and can be imported again.", "Download")


@action(description="Set status…", permissions=["change"])
def set_status(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Give all of them one status."""
    given = request.POST.get("status")
    if given is not None:
        clean, problems = validators.validate({"status": given}, partial=True)
        if problems:
            messages.error(request, f"Nothing was changed: {problems[0].msg}.")
            return None
        return _change(admin, request, leads, SET_STATUS, "status", clean["status"])
    return _ask(admin, request, leads, SET_STATUS, summarize(leads))


@action(description="Delete…", permissions=["change"])
def delete_softly(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Take all of them out of sight."""
    return _change(admin, request, leads.active(), DELETE, "is_active", False)


@action(description="Restore…", permissions=["change"])
def restore(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Bring deleted ones back; those that were merged into others stay where they are."""
    return _change(admin, request, leads.filter(is_active=False, merged_into=None), RESTORE, "is_active", True)


@action(description="Export…", permissions=["export"])
def export(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponseBase | None:
    """A file of all of them, as a spreadsheet or CSV."""
    leads = leads.active()
    if _agreed(request) is None:
        return _ask(admin, request, leads, EXPORT, summarize(leads))
    return download.file_of(request, leads, request.POST.get("format", ""))


ACTIONS: tuple[Callable[..., Any], ...] = (set_status, export, delete_softly, restore)


def _change(
    admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, field: str, value: Any
) -> HttpResponse | None:
    """Do it once it is agreed to; ask first, and again where the leads have become others meanwhile."""
    agreed = _agreed(request)
    if agreed is None or agreed.size > MAX:
        return _ask(admin, request, leads, step, summarize(leads))
    try:
        changed = leads.update_leads(field, value, _actor(request), agreed)
    except SelectionChanged as moved:
        messages.warning(
            request,
            f"Nothing was changed: the leads are others than a moment ago ({agreed.size:,} then,"
            f" {moved.pick.size:,} now), because somebody is working on them. Please look again.",
        )
        return _ask(admin, request, leads, step, moved.pick)
    event(f"leads_{step.name}", leads=changed)
    messages.success(request, _done(step, agreed.size, changed))
    return None


def _ask(
    admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, pick: Selection
) -> HttpResponse | None:
    if not pick.size:
        messages.info(request, f"There is nothing to {step.button.lower()} among these leads.")
        return None
    context = {
        **admin.admin_site.each_context(request),
        "title": f"{step.title} {counted(pick.size, 'lead')}",
        "opts": admin.opts,
        "step": step,
        "pick": pick,
        "leads": counted(pick.size, "lead"),
        "too_many": pick.size > MAX and step is not EXPORT,
        "most": MAX,
        "first": leads.newest_first()[:5],
        "statuses": statuses() if step is SET_STATUS else (),
        "chosen": request.POST.get("status", ""),
        "ticked": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "across": request.POST.get("select_across") == "1",
        "list_path": request.get_full_path(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _agreed(request: HttpRequest) -> Selection | None:
    """What the yes was about; ``None`` before there is one."""
    found = _pick.fullmatch(request.POST.get("agreed", ""))
    return Selection(int(found[1]), int(found[2])) if found else None


def _actor(request: HttpRequest) -> Actor:
    return Actor.of(cast(User, request.user), Channel.ADMIN)


def _done(step: Step, agreed: int, changed: int) -> str:
    done = {"delete_softly": "deleted", "restore": "restored"}.get(step.name, "changed")
    rest = f"; the other {agreed - changed:,} had it already" if changed < agreed else ""
    return f"{counted(changed, 'lead')} {'was' if changed == 1 else 'were'} {done}{rest}."
