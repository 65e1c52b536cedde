"""``/admin/personal-data/``: what is held about somebody, shown, downloaded and erased, by those who may.

The address comes in the body at every step and is part of no URL: those end up in logs and in browsers' histories.
"""

import tempfile
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from crm_project import values
from dashboard.personal_data.erasure import Counts, Outdated, Refused, erase, refusal
from dashboard.personal_data.export import document, held
from dashboard.personal_data.finding import Person, person
from leads.back_office.cells import counted
from leads.back_office.kept import Unreadable
from leads.models import Lead
from users.actors import Actor, Door
from users.models import User
from users.plain_words import in_plain_words

PERMISSION = "users.handle_personal_data"
NAMED = 20  # leads shown by name
HERE = "admin:personal_data"
LABELS = {
    "leads": "Leads, deleted and merged ones too",
    "activities": "Activities with them",
    "history": "Entries of their history",
    "kept_to_undo_imports": "Values kept to undo imports",
    "problems_of_imports": "Problems that imports noted",
    "imports_that_tell_of_them": "Imports whose file is named after them",
    "bad_rows_kept": "Bad rows kept for download",
    "back_office_log": "Lines of the back office’s log",
    "signed_with_the_address": "What was signed with the address",
    "users": "Accounts",
    "activities_signed": "Activities they logged",
    "history_signed": "Changes they made",
    "leads_created": "Leads they created",
    "imports_started": "Imports they started",
    "imports_undone": "Imports they undid",
    "logins_remembered": "Log-ins that are remembered",
    "sessions": "Sessions of the back office",
    "failed_logins": "Failed log-ins",
    "second_factors": "Second factors of the back office",
    "back_office_log_about_the_user": "Lines of the back office’s log about the account",
    "account_events": "Entries of the audit log of accounts",
}

Context = dict[str, Any]


def look(request: HttpRequest, context: Context) -> HttpResponseBase:
    """Asks for an address, and shows what is held under it."""
    asker = _asker(request)
    if request.method != "POST":
        return _page(request, context)
    try:
        whom = person(_given(request))
    except values.Invalid as invalid:
        return _page(request, context, problem=_told(invalid))
    try:
        found = [(LABELS[name], number) for name, number in held(whom).items() if number]
    except Unreadable as unreadable:
        return _page(request, context, problem=f"{unreadable}.")
    return _page(request, context, **_shown(whom), found=found, looked=True, refused=refusal(whom, asker))


def download(request: HttpRequest, context: Context) -> HttpResponseBase:
    """All of it, as a file. It is written first, so that it comes whole or not at all."""
    asker = _asker(request)
    if request.method != "POST":
        return redirect(HERE)
    try:
        pieces = document(person(_given(request)), asker)
    except values.Invalid as invalid:
        return _page(request, context, problem=_told(invalid))
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    try:
        for piece in pieces:
            file.write(piece.encode())
    except OSError as error:  # Unreadable, or no room for the file
        file.close()
        return _page(request, context, problem=f"{error}.")
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="personal-data.json", content_type="application/json")


def erasing(request: HttpRequest, context: Context) -> HttpResponseBase:
    """Says exactly what would be erased, wants the address typed once more, and erases."""
    asker = _asker(request)
    if request.method != "POST":
        return redirect(HERE)
    try:
        return _erase(request, context, asker) if "typed" in request.POST else _ask(request, context, asker)
    except values.Invalid as invalid:
        return _page(request, context, problem=_told(invalid))
    except Refused as refused:
        return _page(request, context, problem=str(refused))


def _ask(request: HttpRequest, context: Context, asker: User, **more: Any) -> HttpResponseBase:
    email = _given(request)
    counts, stamp = erase(email, _actor(asker), dry_run=True, asker=asker)
    told = {**_shown(person(email)), "given": email, "counts": _some(counts), "agreed": stamp}
    return TemplateResponse(request, "dashboard/personal_data_erase.html", {**context, **told, **more})


def _erase(request: HttpRequest, context: Context, asker: User) -> HttpResponseBase:
    email, typed = _given(request), request.POST.get("typed", "")
    if values.key(typed.strip()) != values.key(values.email(email)):
        return _ask(request, context, asker, problem="That is not the address. Nothing was erased.")
    try:
        counts, _ = erase(email, _actor(asker), asker=asker, agreed=request.POST.get("agreed", ""))
    except Outdated as outdated:
        return _ask(request, context, asker, problem=f"{outdated} Nothing was erased: look again.")
    units = {"leads": "lead", "users": "account"}
    told = [counted(counts[kind], unit) for kind, unit in units.items() if counts[kind]]
    messages.success(request, f"Erased for good: {' and '.join(told) or 'what was left'}, with all that hung on it.")
    return redirect(HERE)


def _page(request: HttpRequest, context: Context, **more: Any) -> HttpResponseBase:
    return TemplateResponse(request, "dashboard/personal_data.html", {**context, "given": _given(request), **more})


def _shown(whom: Person) -> Context:
    """Who it is, for people to recognise."""
    leads = Lead.objects.filter(pk__in=whom.lead_ids[:NAMED]).order_by("pk")
    return {"leads": leads, "more": max(0, len(whom.lead_ids) - NAMED), "accounts": whom.users}


def _some(counts: Counts) -> list[tuple[str, int]]:
    return [(kind[:1].upper() + kind[1:], number) for kind, number in counts.items() if number]


def _given(request: HttpRequest) -> str:
    return request.POST.get("email", "").strip()


def _told(invalid: values.Invalid) -> str:
    return in_plain_words(invalid.type, invalid.msg)


def _actor(asker: User) -> Actor:
    return Actor.of(asker, Door.ADMIN)


def _asker(request: HttpRequest) -> User:
    asker = cast(User, request.user)
    if not asker.has_perm(PERMISSION):
        raise PermissionDenied
    return asker
