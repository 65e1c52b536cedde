"""Middleware that records when, from which address and with which browser a back office session is used."""

from collections.abc import Callable
from contextlib import suppress

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from crm_project.db.deadline import no_waiting
from crm_project.http.client_address import client_address
from users.sessions import ADDRESS, BROWSER, LAST_USED

BACK_OFFICE = "/admin/"  # the only pages with a session
WRITE_INTERVAL = 60  # seconds: an idle limit of minutes needs no write for every request

# Parts of the User-Agent header, the most specific first: Edge's header also contains Chrome's and Safari's.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    *(("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


class SessionActivity:
    """The middleware, which runs after the view, so that a login is recorded in its own request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response."""
        response = self.get_response(request)
        if request.path.startswith(BACK_OFFICE):
            touch(request)
        return response


def touch(request: HttpRequest) -> None:
    """Record the use of a logged-in session, at most once a minute.

    A page that only reads does not wait for this write. It is skipped while an import has SQLite's lock.
    """
    session = request.session
    if SESSION_KEY not in session:
        return
    now = timezone.now().timestamp()
    if now - session.get(LAST_USED, 0) < WRITE_INTERVAL:
        return
    is_saved_later = session.modified
    browser = browser_name(request.headers.get("User-Agent", ""))
    session.update({LAST_USED: now, ADDRESS: client_address(request), BROWSER: browser})
    if not is_saved_later:
        with no_waiting(), suppress(UpdateError):
            session.save()
        session.modified = False


def browser_name(agent: str) -> str:
    """Return the browser and system of a User-Agent header, such as "Firefox on Windows", and nothing else of it."""
    browser = next((name for part, name in BROWSERS if part in agent), "")
    system = next((name for part, name in SYSTEMS if part in agent), "")
    return " on ".join(filter(None, (browser or "Unknown browser", system)))
