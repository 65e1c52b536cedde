"""``/admin/personal-data/``: pages that show, download and erase a person's data, for users with the permission.

The address or number is in the body of each request, not in a URL, which logs and browsers store.
"""

import tempfile
from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from leads.back_office.cells import pluralize
from leads.models import Lead
from maintenance.privacy.erase import PlanChanged, erase, refusal
from maintenance.privacy.export import count, export
from maintenance.privacy.subject import NOT_SEARCHED, DataSubject, PrivacyError, find_subject
from users.audit import Actor, Channel
from users.models import User

NAMED = 20  # leads shown by name

Page = Callable[[HttpRequest, dict[str, Any]], HttpResponseBase]


def _page(view: Page) -> Page:
    """Check the permission; show the search form for other methods than POST, and for errors."""

    @wraps(view)
    def page(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
        if not cast(User, request.user).has_perm("users.handle_personal_data"):
            raise PermissionDenied
        context |= {"title": "Personal data", "given": _email(request), "not_searched": NOT_SEARCHED}
        try:
            if request.method == "POST":
                return view(request, context)
        except (PrivacyError, OSError) as error:
            context["problem"] = str(error)
        return TemplateResponse(request, "maintenance/personal_data.html", context)

    return page


@_page
def search(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Show the number of records of the person with an address or a number."""
    subject = find_subject(_email(request))
    shown = {"found": _shown_counts(count(subject)), "refusal": refusal(subject, cast(User, request.user))}
    context |= {**_shown(subject), **shown, "searched": True}
    return TemplateResponse(request, "maintenance/personal_data.html", context)


@_page
def download(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Send the export as a file. It is written completely before it is sent, so that an error sends no part of it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    try:
        for piece in export(find_subject(_email(request)), cast(User, request.user)):
            file.write(piece.encode())
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="personal-data.json", content_type="application/json")


@_page
def confirm_erasure(request: HttpRequest, context: dict[str, Any]) -> HttpResponseBase:
    """Show the plan and ask for the address again; erase if it was typed and the plan has not changed."""
    email, asker, typed = _email(request), cast(User, request.user), request.POST.get("typed")
    actor, subject = Actor.of(asker, Channel.ADMIN), find_subject(email)
    if typed is not None and subject.is_named(typed):
        try:
            agreed, remember = request.POST.get("agreed", ""), "remember" in request.POST
            counts = erase(email, actor, asker=asker, agreed=agreed, remember=remember).counts
            nouns = [
                pluralize(counts[kind], noun)
                for kind, noun in (("leads", "lead"), ("users", "account"))
                if counts[kind]
            ]
            messages.success(
                request, f"Erased permanently: {' and '.join(nouns) or 'records'}, with all related records."
            )
            return redirect("admin:personal_data")
        except PlanChanged as changed:
            context["problem"], subject = str(changed), find_subject(email)
    elif typed is not None:
        context["problem"] = f"That is not the {'address' if subject.email else 'number'}. Nothing was erased."
    plan = erase(email, actor, dry_run=True, asker=asker)
    context |= {
        **_shown(subject),
        "by_phone": not subject.email,
        "counts": _shown_counts(plan.counts),
        "agreed": plan.digest,
        "remember": typed is None or "remember" in request.POST,
    }
    return TemplateResponse(request, "maintenance/personal_data_erase.html", context)


def _shown(subject: DataSubject) -> dict[str, Any]:
    leads = Lead.objects.filter(pk__in=subject.lead_ids[:NAMED]).order_by("pk")
    return {"leads": leads, "more": max(0, len(subject.lead_ids) - NAMED), "accounts": subject.users}


def _shown_counts(counts: dict[str, int]) -> list[tuple[str, int]]:
    return [(kind.replace("_", " ").capitalize(), number) for kind, number in counts.items() if number]


def _email(request: HttpRequest) -> str:
    return request.POST.get("email", "").strip()
