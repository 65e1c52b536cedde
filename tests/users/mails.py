"""A configured mail server, and the messages sent to it."""

import re
import threading
from typing import Any

from django.core import mail

from users.password_links import THREAD_NAME

HOST = "crm.example.com"


def set_mail(settings: Any) -> None:
    """As ``EMAIL_URL`` and ``EMAIL_FROM`` do; the messages go to Django's ``mail.outbox``."""
    settings.EMAIL_URL = "submission://crm:secret@mail.example.com"
    settings.DEFAULT_FROM_EMAIL = "crm@example.com"
    settings.ALLOWED_HOSTS = ["testserver", HOST]


def sent() -> list[Any]:
    """Return the messages sent so far, after the sending threads have ended."""
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join()
    return mail.outbox


def link_in(text: str) -> str:
    """Return the path of the link in a page or a message."""
    found = re.search(r"https?://[\w.:]+(/admin/set-password/[^\s\"<]+)", text)
    assert found
    return found[1]
