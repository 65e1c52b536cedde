"""The WSGI application, for any WSGI server; ``make run`` serves it through ``crm_project/server.py``."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

from django.conf import settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection, reset_queries

from crm_project.database_url import suit_requests

suit_requests(settings.DATABASES["default"])
application = get_wsgi_application()


def look_after_one_database() -> None:
    """Do before and after requests no more than there is to do here; Django goes through all that there might be.

    There is one database, whose connection is looked at once a request, one URL map, and no cache to be closed.
    """
    if settings.DEBUG:
        return
    for signal, receiver in (
        (request_started, reset_queries),
        (request_started, close_old_connections),
        (request_finished, close_old_connections),
        (request_finished, close_caches),
        (request_finished, reset_urlconf),
    ):
        signal.disconnect(receiver)
    request_started.connect(_look_after_connection)


def _look_after_connection(**signal: Any) -> None:
    connection.close_if_unusable_or_obsolete()
