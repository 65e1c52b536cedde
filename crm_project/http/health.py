"""Health checks for load balancers and monitoring."""

from collections.abc import Callable
from contextlib import closing
from functools import cache, wraps
from typing import Any

from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from crm_project.db.postgresql.base import Connection
from crm_project.http.errors import RETRY_AFTER, reply

APPLIED = "SELECT app, name FROM django_migrations"
TIMEOUT = 2  # seconds, for the connection and then for the statement

View = Callable[[HttpRequest], HttpResponse]


def get_only(view: View) -> View:
    """Return ``view`` for GET and HEAD; other methods get a 405."""

    @csrf_exempt  # a POST gets the 405, not an error about its CSRF token
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        response = reply(405, "Method Not Allowed")
        response["Allow"] = "GET, HEAD"
        return response

    return checked


@get_only
def health(request: HttpRequest) -> HttpResponse:
    """``GET /`` and ``GET /health/live``: return ``{"status": "ok"}`` without using the database."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


@get_only
def ready(request: HttpRequest) -> HttpResponse:
    """``GET /health/ready``: return the same if the database answers and has all migrations; otherwise a 503."""
    try:
        missing = len(_last_migrations() - _applied_migrations())
    except Error:  # the message may contain names of servers and users
        return _unready("The database does not answer")
    return _unready(f"{missing} migrations are not applied") if missing else health(request)


def _unready(reason: str) -> HttpResponse:
    response = reply(503, reason)
    response["Retry-After"] = RETRY_AFTER
    return response


@cache
def _last_migrations() -> frozenset[tuple[str, str]]:
    """Return the app and name of the last migration of each app."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def _applied_migrations() -> set[tuple[str, str]]:
    """Return the app and name of the applied migrations, with a new connection that has a time limit."""
    database: BaseDatabaseWrapper = connection.copy()
    if database.vendor == "postgresql":
        with database.wrap_database_errors, closing(Connection.connect(**_parameters(database))) as opened:
            return set(opened.execute(APPLIED).fetchall())
    database.settings_dict["OPTIONS"]["timeout"] = TIMEOUT
    with closing(database), database.cursor() as cursor:
        cursor.execute(APPLIED)
        return set(cursor.fetchall())


def _parameters(database: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the parameters of a connection to PostgreSQL outside the pool, with ``TIMEOUT``."""
    params: dict[str, Any] = database.get_connection_params()
    options = f"{params.get('options', '')} -c statement_timeout={TIMEOUT * 1000}"
    return {**params, "options": options, "connect_timeout": TIMEOUT, "response_timeout": TIMEOUT}
