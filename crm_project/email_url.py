"""``EMAIL_URL`` as Django's email settings."""

import re
from typing import Any

import dj_email_url

TIMEOUT = 5  # seconds, for each step of sending a message
NO_MAIL = {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend", "EMAIL_TIMEOUT": TIMEOUT}


def parse(url: str) -> dict[str, Any]:
    """Return Django's ``EMAIL_*`` settings for ``url``. Without a URL, no mail is sent.

    Raises ``ValueError`` with a message that does not contain the URL, which may have a password.
    """
    if not url:
        return dict(NO_MAIL)
    if not re.match(r"(smtp|submission)://[^/?#]+|console:", url):
        raise ValueError("use submission://user:password@host:587 (with STARTTLS), smtp://host:25 or console:")
    try:
        settings: dict[str, Any] = dj_email_url.parse(url)
    except ValueError:
        raise ValueError("its port or timeout is not a number") from None
    timeout = settings["EMAIL_TIMEOUT"]
    if timeout is not None and timeout < 1:
        raise ValueError("its timeout is less than a second")
    return {**settings, "EMAIL_TIMEOUT": timeout or TIMEOUT}
