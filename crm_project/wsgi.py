"""The WSGI application, for any WSGI server; ``make run`` serves it through ``crm_project/server.py``."""

import os
from typing import Any

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection, reset_queries

from crm_project.database_url import limit_statements


def look_after_connection(**signal: Any) -> None:
    """Before each request, as Django does it for every database, cache and log of queries that there might be."""
    if not connection.in_atomic_block:  # a test's, around all that it does
        connection.close_if_unusable_or_obsolete()


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

limit_statements(settings.DATABASES["default"])
application = get_wsgi_application()
if not settings.DEBUG:
    # There is one database, whose connection is looked at once a request, and no cache that holds anything open.
    for signal, receiver in (
        (request_started, reset_queries),
        (request_started, close_old_connections),
        (request_finished, close_old_connections),
        (request_finished, close_caches),
    ):
        signal.disconnect(receiver)
    request_started.connect(look_after_connection)
