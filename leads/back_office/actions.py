"""Bulk actions on leads. Each first shows the exact number of leads and asks for confirmation.

An action gets the leads that match the filters of the list, or the selected ones. The confirmed ``Selection`` is sent
with the confirmation and compared when the rows are locked, so that no lead is changed that the user did not confirm.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from django.contrib import messages
from django.contrib.admin import helpers
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.decorators import action

from crm_project.events import event
from crm_project.validation import InvalidValue
from leads import tagging, validators
from leads.assignment import assign
from leads.back_office import download
from leads.back_office.cells import pluralize
from leads.back_office.choices import sources, statuses
from leads.bulk_edits import BulkEdit, last_entry, undo
from leads.models import LeadChange
from leads.querysets import LeadQuerySet
from leads.selection import Selection, SelectionChanged, summarize
from users import directory
from users.audit import Actor, Channel
from users.models import User
from users.permissions import MANAGERS

TEMPLATE = "leads/back_office/confirm.html"
MAX = 50_000  # leads changed in one request, some 20 seconds on a busy machine with a million of them
LAST_EDIT = "crm.last_edit"  # in the session
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
SET_SOURCE = Step(
    "set_source", "Set the source of", "Leads that have this source stay unchanged.", "Set source", "updated"
)
SET_OWNER = Step("set_owner", "Change the owner of", "All agents still see all leads.", "Change owner", "updated")
DEAL_OUT = Step(
    "deal_out",
    "Deal out",
    "Each lead goes to whoever of the chosen users has the fewest open leads.",
    "Deal out",
    "dealt out",
)
CHANGE_TAGS = Step("change_tags", "Change the tags of", "Separate tags by commas.", "Change tags", "updated")
SET_STATUS = Step(
    "set_status", "Set the status of", "Leads already in this status stay unchanged.", "Set status", "updated"
)
EXPORT = Step("export", "Export", "The file has one row per lead and can be imported again.", "Download", "exported")


@action(description="Set status…", permissions=["change"])
def set_status(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Set the status of all."""
    return _set(admin, request, leads, SET_STATUS, "status")


@action(description="Set source…", permissions=["change"])
def set_source(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Set the source of all."""
    return _set(admin, request, leads, SET_SOURCE, "source")


def _set(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, field: str) -> HttpResponse | None:
    given = request.POST.get(field)
    if given is None:
        return _confirm(admin, request, leads, step, summarize(leads))
    clean, problems = validators.validate({field: given}, partial=True)
    if problems:
        _refuse(request, problems[0].msg)
        return None
    return _set_field(admin, request, leads, step, field, clean[field])


@action(description="Change owner…", permissions=["change"])
def set_owner(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Give all to one user, or to nobody."""
    given = request.POST.get("owner")
    if given is None:
        return _confirm(admin, request, leads, SET_OWNER, summarize(leads))
    owners = _users([given] if given else [])
    if owners is None:
        _refuse(request, "choose an active user")
        return None
    return _set_field(admin, request, leads, SET_OWNER, "owner_id", owners[0] if owners else None)


@action(description="Deal out…", permissions=["change"])
def deal_out(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Deal all out to users, by turns."""
    leads = leads.active()
    if _confirmed(request) is None:
        return _confirm(admin, request, leads, DEAL_OUT, summarize(leads))
    owners = _users(request.POST.getlist("owners"))
    if not owners:
        _refuse(request, "choose at least one active user")
        return None
    return _change(admin, request, leads, DEAL_OUT, lambda agreed: _dealt(leads, owners, request, agreed))


def _dealt(leads: LeadQuerySet, owners: list[int], request: HttpRequest, agreed: Selection) -> int:
    return assign(leads, owners, _actor(request), agreed).total()


@action(description="Change tags…", permissions=["change"])
def change_tags(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Add tags to all, and remove others."""
    leads = leads.active()
    if _confirmed(request) is None:
        return _confirm(admin, request, leads, CHANGE_TAGS, summarize(leads))
    try:
        add, remove = (validators.split_tags(validators.tags(request.POST.get(name, ""))) for name in ("add", "remove"))
        return _change(
            admin,
            request,
            leads,
            CHANGE_TAGS,
            lambda agreed: tagging.change_tags(leads, add, remove, _actor(request), agreed),
        )
    except (InvalidValue, tagging.TooManyTags) as wrong:
        _refuse(request, str(wrong).removeprefix("Value error, "))
        return None


def _users(given: list[str]) -> list[int] | None:
    """Return the ids of active users; ``None`` if one is no active user."""
    ids = [int(number) for number in given if number.isascii() and number.isdecimal() and len(number) < 19]
    return ids if len(ids) == len(given) and directory.active_among(ids) == set(ids) else None


def _refuse(request: HttpRequest, reason: str) -> None:
    messages.error(request, f"Not changed: {reason}.")


@action(description="Delete…", permissions=["change"])
def delete_softly(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Soft-delete all."""
    return _set_field(admin, request, leads.active(), DELETE, "is_active", False)


@action(description="Restore…", permissions=["change"])
def restore(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponse | None:
    """Restore deleted leads, except merged and erased ones."""
    erasure = LeadChange.objects.filter(lead_id=OuterRef("pk"), changes__has_key=validators.ERASED)
    restorable = leads.filter(~Exists(erasure), is_active=False, merged_into=None)
    return _set_field(admin, request, restorable, RESTORE, "is_active", True)


@action(description="Export…", permissions=["export"])
def export(admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet) -> HttpResponseBase | None:
    """Download all as an Excel workbook or CSV file."""
    leads = leads.active()
    if _confirmed(request) is None:
        return _confirm(admin, request, leads, EXPORT, summarize(leads))
    return download.export_response(request, leads, request.POST.get("format", ""))


ACTIONS: tuple[Callable[..., Any], ...] = (
    *(set_status, set_owner, deal_out, change_tags, set_source),
    *(export, delete_softly, restore),
)


def _set_field(
    admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, field: str, value: Any
) -> HttpResponse | None:
    def change(agreed: Selection) -> int:
        return leads.update_leads(field, value, _actor(request), agreed)

    return _change(admin, request, leads, step, change)


def _change(
    admin: ModelAdmin, request: HttpRequest, leads: LeadQuerySet, step: Step, change: Callable[[Selection], int]
) -> HttpResponse | None:
    """Change the leads if the user has confirmed; otherwise, or if the selection has changed since, ask.

    The session has what the user changed last, which the list offers to undo.
    """
    confirmed = _confirmed(request)
    if confirmed is None or confirmed.size > MAX:
        return _confirm(admin, request, leads, step, summarize(leads))
    try:
        before = last_entry()
        changed = change(confirmed)
    except SelectionChanged as error:
        now = error.selection
        messages.warning(
            request,
            f"The selection has changed ({confirmed.size:,} → {pluralize(now.size, 'lead')})."
            " Review it and confirm again.",
        )
        return _confirm(admin, request, leads, step, now)
    event(f"leads_{step.name}", leads=changed)
    if edit := BulkEdit.since(before, _actor(request)):
        request.session[LAST_EDIT] = {"edit": list(edit), "what": f"{pluralize(changed, 'lead')} {step.past}"}
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
        "sources": sources() if step is SET_SOURCE else (),
        "owners": _owners() if step in (SET_OWNER, DEAL_OUT) else (),
        "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        "across": request.POST.get("select_across") == "1",
        "list_path": request.get_full_path(),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _owners() -> list[dict[str, Any]]:
    """Return the active users; those who are no managers are selected by default."""
    managers = set(User.objects.filter(Q(is_superuser=True) | Q(groups__name=MANAGERS)).values_list("pk", flat=True))
    return [{"id": pk, "name": name, "chosen": int(pk) not in managers} for pk, name in directory.choices()]


def undo_last_edit(request: HttpRequest) -> None:
    """Undo what the user changed last in the list, and show the result."""
    last = request.session.pop(LAST_EDIT, None)
    if last is None:
        messages.info(request, "There is no change to undo.")
        return
    restored, left = undo(BulkEdit(*last["edit"]), _actor(request))
    event("leads_edit_undone", leads=restored)
    unchanged = f", {pluralize(left, 'lead')} changed since stay as they are" if left else ""
    messages.success(request, f"Undone: {pluralize(restored, 'lead')} restored{unchanged}.")


def _confirmed(request: HttpRequest) -> Selection | None:
    """Return the selection that the user confirmed; ``None`` before that."""
    match = _selection.fullmatch(request.POST.get("confirmed", ""))
    return Selection(int(match[1]), int(match[2])) if match else None


def _actor(request: HttpRequest) -> Actor:
    return Actor.of(cast(User, request.user), Channel.ADMIN)


def _result(step: Step, confirmed: int, changed: int) -> str:
    why = "already had this status" if step is SET_STATUS else "stayed unchanged"
    unchanged = f", {confirmed - changed:,} {why}" if changed < confirmed else ""
    return f"{pluralize(changed, 'lead')} {step.past}{unchanged}."
