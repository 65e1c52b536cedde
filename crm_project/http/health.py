"""Is the server there? For load balancers and monitors: alive, and able to work."""

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
PATIENCE = 2  # seconds, for the connection and then for the statement

View = Callable[[HttpRequest], HttpResponse]


def safe(view: View) -> View:
    """``view`` for GET and HEAD; any other method is a 405."""

    @csrf_exempt  # so that a POST is told its method is wrong, not that a form's token is
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        refusal = reply(405, "Method Not Allowed")
        refusal["Allow"] = "GET, HEAD"
        return refusal

    return checked


@safe
def health(request: HttpRequest) -> HttpResponse:
    """``GET /`` and ``GET /health/live``: ``{"status": "ok"}``; asks nothing of the database."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


@safe
def ready(request: HttpRequest) -> HttpResponse:
    """``GET /health/ready``: the same while the database answers and has every migration; else 503 and the reason."""
    try:
        missing = len(_wanted() - _applied())
    except Error:  # its message may name servers and users
        return _unready("The database does not answer")
    return _unready(f"{missing} migrations are not applied") if missing else health(request)


def _unready(reason: str) -> HttpResponse:
    unready = reply(503, reason)
    unready["Retry-After"] = RETRY_AFTER
    return unready


@cache
def _wanted() -> frozenset[tuple[str, str]]:
    """App and name of the last migrations this code knows; those before them are applied when they are."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def _applied() -> set[tuple[str, str]]:
    """The applied migrations, over a connection of its own: one that hangs would otherwise take this thread with it."""
    fresh: BaseDatabaseWrapper = connection.copy()
    if fresh.vendor == "postgresql":
        with fresh.wrap_database_errors, closing(Connection.connect(**_impatient(fresh))) as opened:
            return set(opened.execute(APPLIED).fetchall())
    fresh.settings_dict["OPTIONS"]["timeout"] = PATIENCE
    with closing(fresh), fresh.cursor() as cursor:
        cursor.execute(APPLIED)
        return set(cursor.fetchall())


def _impatient(database: BaseDatabaseWrapper) -> dict[str, Any]:
    """How to connect to PostgreSQL past the pool, for statements that may take ``PATIENCE`` seconds."""
    params: dict[str, Any] = database.get_connection_params()
    options = f"{params.get('options', '')} -c statement_timeout={PATIENCE * 1000}"
    return {**params, "options": options, "connect_timeout": PATIENCE, "patience": PATIENCE}
