"""Sessions of the back office (``SESSION_ENGINE``): database rows with an absolute and an idle limit.

The module extends Django's session framework as its documentation describes. The packages that offer this do not fit:
django-user-sessions supports no Django after 4.0, and django-qsessions has neither limit and writes only with
``SESSION_SAVE_EVERY_REQUEST``.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from users.base_user import AbstractUser

# Keys of the session's data. Django's interface reads and writes the data only; the columns are copies of them.
STARTED, LAST_USED, ADDRESS, BROWSER = "started_at", "last_used_at", "address", "browser"
PASSWORD_AT = "password_at"  # noqa: S105  when the password was last entered, if later than at the login


class UserSession(AbstractBaseSession):
    """A session. ``expire_date`` is the earlier of its absolute and its idle limit.

    ``address`` and ``browser`` are those of the last use. They are deleted with the session, at the latest when the
    account is erased.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    started_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    address = models.CharField(max_length=45, blank=True)
    browser = models.CharField(max_length=60, blank=True)

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes these rows."""
        return SessionStore


class SessionStore(DatabaseStore):
    """The session store of ``UserSession``."""

    @classmethod
    def get_model_class(cls) -> Any:
        """Return the model of the rows."""
        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row for a session's data. The session starts when its user logs in."""
        now = timezone.now().timestamp()
        user_id = data.get(SESSION_KEY)
        if user_id is not None:
            data.setdefault(STARTED, now)
        started = data.get(STARTED, now)
        last_used = data.get(LAST_USED, started)
        row: Any = super().create_model_instance(data)
        row.user_id = user_id and int(user_id)
        row.started_at, row.last_used_at = datetime.fromtimestamp(started, UTC), datetime.fromtimestamp(last_used, UTC)
        row.address, row.browser = data.get(ADDRESS, ""), data.get(BROWSER, "")
        row.expire_date = expiry(row.started_at, row.last_used_at)
        return row


def expiry(started_at: datetime, last_used_at: datetime) -> datetime:
    """Return when a session ends: some hours after the login, or earlier if it is not used."""
    absolute = started_at + timedelta(hours=settings.SESSION_HOURS)
    return min(absolute, last_used_at + timedelta(minutes=settings.SESSION_IDLE_MINUTES))


def password_age(session: SessionBase) -> float:
    """Return the seconds since the password was last entered in this session, at the login or later."""
    entered: float = session.get(PASSWORD_AT) or session.get(STARTED, 0)
    return timezone.now().timestamp() - entered


def password_entered(session: SessionBase) -> None:
    """Record that the password was entered again, and change the session key."""
    session[PASSWORD_AT] = timezone.now().timestamp()
    session.cycle_key()


def live_sessions(user: AbstractUser) -> list[UserSession]:
    """Return the valid sessions of a user, the last used first.

    A new password and a log-out everywhere make the hash in the session invalid. Such rows remain until they expire.
    """
    hashes = {user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()}
    rows = UserSession.objects.filter(user_id=user.pk, expire_date__gt=timezone.now()).order_by("-last_used_at", "pk")
    return [row for row in rows if row.get_decoded().get(HASH_SESSION_KEY) in hashes]
