"""``EMAIL_URL`` as Django's settings of a mail server."""

import re
from typing import Any

import dj_email_url

TIMEOUT = 5  # seconds, for each step of handing a message over
NO_MAIL = {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend", "EMAIL_TIMEOUT": TIMEOUT}


def parse(url: str) -> dict[str, Any]:
    """Return Django's ``EMAIL_*`` settings for ``url``; without one, mail goes nowhere.

    Raises ``ValueError`` with a sentence that never repeats the URL, which may hold a password.
    """
    if not url:
        return dict(NO_MAIL)
    if not re.match(r"(smtp|submission)://[^/?#]+|console:", url):
        raise ValueError("use submission://user:password@host:587 (with STARTTLS), smtp://host:25 or console:")
    try:
        settings: dict[str, Any] = dj_email_url.parse(url)
    except ValueError:
        raise ValueError("its port or timeout is no number") from None
    timeout = settings["EMAIL_TIMEOUT"]
    if timeout is not None and timeout < 1:
        raise ValueError("its timeout is less than a second")
    return {**settings, "EMAIL_TIMEOUT": timeout or TIMEOUT}
