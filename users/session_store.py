"""``SESSION_ENGINE``: Django's sessions in the database, with an absolute and an idle limit.

What the row's columns say is in the session's data too, where Django's interface lets it be read and written.
"""

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from users.sessions import UserSession, expiry

STARTED, LAST_USED, ADDRESS, BROWSER = "started_at", "last_used_at", "address", "browser"
PASSWORD_AT = "password_at"  # noqa: S105  when the password was entered last, if later than at the login


class SessionStore(DatabaseStore):
    """Sessions as ``UserSession`` rows."""

    @classmethod
    def get_model_class(cls) -> Any:
        """Return the model of the rows."""
        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """Return the row for a session's data; the session begins when its user logs in."""
        now = timezone.now().timestamp()
        user_id = data.get(SESSION_KEY)
        if user_id is not None:
            data.setdefault(STARTED, now)
        started = data.get(STARTED, now)
        last_used = data.get(LAST_USED, started)
        row: Any = super().create_model_instance(data)
        row.user_id = user_id and int(user_id)
        row.started_at, row.last_used_at = _moment(started), _moment(last_used)
        row.address, row.browser = data.get(ADDRESS, ""), data.get(BROWSER, "")
        row.expire_date = expiry(row.started_at, row.last_used_at)
        return row


def password_age(session: SessionBase) -> float:
    """Return the seconds since the password was entered in this session, at the login or since."""
    entered: float = session.get(PASSWORD_AT) or session.get(STARTED, 0)
    return timezone.now().timestamp() - entered


def password_entered(session: SessionBase) -> None:
    """Note that the password was entered once more, under a new session key."""
    session[PASSWORD_AT] = timezone.now().timestamp()
    session.cycle_key()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
