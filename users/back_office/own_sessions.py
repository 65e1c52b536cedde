"""``/admin/sessions/``: the user's own sessions, which they can end."""

from collections.abc import Sequence
from hashlib import sha256
from typing import cast

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from users.audit import Action
from users.back_office import audited
from users.models import User
from users.sessions import UserSession, live_sessions

HERE = "admin:own_sessions"


def own_sessions(request: HttpRequest) -> HttpResponseBase:
    """Show the user's sessions; end one of them, or all others."""
    sessions = live_sessions(cast(User, request.user))
    if request.method == "POST":
        return _end(request, sessions)
    rows = [
        {"session": session, "id": _public_id(session), "current": session.pk == request.session.session_key}
        for session in sessions
    ]
    page = {"title": "Your sessions", "rows": rows, "others": len(rows) > 1}
    return TemplateResponse(request, "users/own_sessions.html", {**admin.site.each_context(request), **page})


def _end(request: HttpRequest, sessions: Sequence[UserSession]) -> HttpResponseBase:
    """End the session that the form names, or all others. The current session ends by logging out."""
    others = [session for session in sessions if session.pk != request.session.session_key]
    if "others" not in request.POST:
        others = [session for session in others if _public_id(session) == request.POST.get("end")]
    if not others:
        messages.info(request, "That session has already ended.")
        return redirect(HERE)
    with transaction.atomic():
        UserSession.objects.filter(pk__in=[session.pk for session in others]).delete()
        audited.log(request, Action.SESSION_ENDED, cast(User, request.user), after={"sessions": len(others)})
    messages.success(request, f"{len(others)} session{'s' * (len(others) > 1)} ended.")
    return redirect(HERE)


def _public_id(session: UserSession) -> str:
    """Return the id of a session on the page; the session key is the secret of the cookie."""
    return sha256(session.session_key.encode()).hexdigest()
