"""Middleware that notes when, from where and by which browser a session of the back office is used."""

from collections.abc import Callable
from contextlib import suppress

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from crm_project.db.deadline import no_waiting
from crm_project.http.client_address import client_address
from users.session_store import ADDRESS, BROWSER, LAST_USED

BACK_OFFICE = "/admin/"  # no other page has a session
WRITE_EVERY = 60  # seconds: an idle limit of minutes needs no write at every request

# What browsers call themselves, from the most particular on: each names those it descends from.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    *(("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


class SessionActivity:
    """Inside ``SessionMiddleware``. It acts after the reply, so that a login is noted in its own request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the reply."""
        response = self.get_response(request)
        if request.path.startswith(BACK_OFFICE):
            touch(request)
        return response


def touch(request: HttpRequest) -> None:
    """Note that a logged-in session is used: from where and by which browser, once a minute at most.

    A page that only reads does not wait for this write: while an import has the database locked, it is left out.
    """
    session = request.session
    if SESSION_KEY not in session:
        return
    now = timezone.now().timestamp()
    if now - session.get(LAST_USED, 0) < WRITE_EVERY:
        return
    written_anyway = session.modified
    browser = browser_name(request.headers.get("User-Agent", ""))
    session.update({LAST_USED: now, ADDRESS: client_address(request), BROWSER: browser})
    if not written_anyway:
        with no_waiting(), suppress(UpdateError):
            session.save()
        session.modified = False


def browser_name(agent: str) -> str:
    """Return "Firefox on Windows" for a User-Agent header; nothing of what else it may say is stored."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "")
    system = next((name for sign, name in SYSTEMS if sign in agent), "")
    return " on ".join(filter(None, (browser or "Unknown browser", system)))
