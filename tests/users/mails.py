"""An office with a mail server, and the messages that it was given."""

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
    """The messages sent so far, once the threads that send have ended."""
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join()
    return mail.outbox


def link_in(text: str) -> str:
    """The path of the link in a page or a message."""
    found = re.search(r"https?://[\w.:]+(/admin/set-password/[^\s\"<]+)", text)
    assert found
    return found[1]
