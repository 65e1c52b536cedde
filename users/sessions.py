"""Sessions of the back office, as rows that say whose they are and how they are used.

Django's session framework with a model and a store of our own, as its documentation extends it. django-user-sessions
supports no Django after 4.0. django-qsessions does, but has neither an idle nor an absolute limit, and writes only with
``SESSION_SAVE_EVERY_REQUEST``: all but the columns would be ours all the same.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from users.models import User


class UserSession(AbstractBaseSession):
    """A session. ``expire_date`` is the earlier of its absolute and its idle end.

    ``address`` and ``browser`` are those of the last use; they go with the session, which no erased account keeps.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    started_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    browser = models.CharField(max_length=60, blank=True)

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes these rows."""
        from users.session_store import SessionStore

        return SessionStore


def expiry(started_at: datetime, last_used_at: datetime) -> datetime:
    """Return when a session ends: some hours after the login, sooner where it is not used."""
    absolute = started_at + timedelta(hours=settings.SESSION_HOURS)
    return min(absolute, last_used_at + timedelta(minutes=settings.SESSION_IDLE_MINUTES))


def live_sessions(user: "User") -> list[UserSession]:
    """Return a user's sessions that still open pages, the last used first.

    A new password and a log-out everywhere end sessions by the hash that they carry; their rows stay until they expire.
    """
    hashes = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    rows = UserSession.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-last_used_at", "pk")
    return [row for row in rows if row.get_decoded().get(HASH_SESSION_KEY) in hashes]
