"""Whether ``DATABASE_URL`` and ``DIRECT_DATABASE_URL`` fit a pooler between the server and PostgreSQL."""

from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db import OperationalError, connection

USE_POOLED = (
    "DATABASE_URL goes through a pooler that does not pass on startup options, such as PgBouncer, and limits would be "
    "ignored. Add ?pooled=transaction to it, and set DIRECT_DATABASE_URL to the same database without the pooler."
)
DIRECT_POOLED = (
    "DIRECT_DATABASE_URL goes through a pooler, too. Set it to the address of PostgreSQL itself: migrations and "
    "imports need a connection of their own."
)
OTHER_DATABASE = "DATABASE_URL and DIRECT_DATABASE_URL are not the same database of the same server."
REFUSED = "unsupported startup parameter"
IDENTITY = "SELECT current_database(), pg_postmaster_start_time()"


def check_database_urls() -> None:
    """Raise ``CommandError`` for URLs that do not fit; Django's database errors if a database is unavailable."""
    if connection.vendor != "postgresql":
        return
    is_pooled = settings.REQUEST_DATABASE["POOLED"]
    try:
        connection.ensure_connection()
        ignored = _fetch("SELECT current_setting('jit') = 'on'")[0]  # every direct connection turns it off
    except OperationalError as error:
        if REFUSED not in str(error):
            raise
        ignored = True
    if ignored:
        raise CommandError(DIRECT_POOLED if is_pooled else USE_POOLED)
    if is_pooled and _fetch(IDENTITY) != _fetch_pooled(IDENTITY):
        raise CommandError(OTHER_DATABASE)


def _fetch(statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return tuple(cursor.fetchone())


def _fetch_pooled(statement: str) -> tuple[Any, ...]:
    """Return the row that a connection of requests gets."""
    pooled = connection.copy()
    pooled.settings_dict.update(settings.REQUEST_DATABASE)
    try:
        with pooled.cursor() as cursor:
            cursor.execute(statement)
            return tuple(cursor.fetchone())
    finally:
        pooled.close()
