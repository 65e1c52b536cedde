"""``/admin/reminders/``: the user's morning mail, and the secret link to the calendar of their follow-ups."""

from typing import Any, cast

from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from users.audit import Action
from users.back_office import audited
from users.calendar_links import CalendarLink
from users.models import User
from users.password_links import mail_is_set

HERE = "admin:reminders"


def reminders(request: HttpRequest) -> HttpResponseBase:
    """Show the page, or store whether the user wants the mail."""
    if request.method != "POST":
        return _page(request)
    user = cast(User, request.user)
    before, wanted = {"wants_reminders": user.wants_reminders}, "wants_reminders" in request.POST
    with transaction.atomic():
        user.wants_reminders = wanted
        user.save(update_fields=["wants_reminders"])
        audited.log(request, Action.CHANGED, user, before, {"wants_reminders": wanted})
    messages.success(request, "You get the mail." if wanted else "You get no mail.")
    return redirect(HERE)


def calendar_link(request: HttpRequest) -> HttpResponseBase:
    """``/admin/reminders/calendar/``: make a link and show it, or end the link."""
    if request.method != "POST":
        return redirect(HERE)
    user = cast(User, request.user)
    if "revoke" in request.POST:
        with transaction.atomic():
            if CalendarLink.objects.revoke(user):
                audited.log(request, Action.CALENDAR_LINK_REVOKED, user)
        messages.success(request, "The calendar link does not work any more.")
        return redirect(HERE)
    with transaction.atomic():
        _, path = CalendarLink.objects.renew(user)
        audited.log(request, Action.CALENDAR_LINK_CREATED, user)
    return _page(request, link=request.build_absolute_uri(path))


def _page(request: HttpRequest, **more: Any) -> HttpResponseBase:
    user = cast(User, request.user)
    page = {
        "title": "Reminders and calendar",
        "person": user,
        "mail_is_set": mail_is_set(),
        "hour": f"{settings.REMIND_HOUR}:00",
        "zone": settings.TIME_ZONE,
        "created_at": CalendarLink.objects.created_at(user),
    }
    return TemplateResponse(request, "users/reminders.html", {**admin.site.each_context(request), **page, **more})
