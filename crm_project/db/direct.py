"""Connections past the pooler, for work that a request does in a long transaction.

A pooler in transaction mode may end transactions that are long or wait for their next statement (PgBouncer's
``query_timeout`` and ``idle_transaction_timeout``), and shares few connections among all clients. Imports and the
locks of ``crm_project/db/locks.py`` therefore use ``DIRECT_DATABASE_URL``, as commands do.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper


def direct(database: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return a new connection to the same database past the pooler; ``database`` itself if there is no pooler."""
    if not database.settings_dict.get("POOLED"):
        return database
    copy = database.copy()
    copy.settings_dict.update({**settings.DIRECT_DATABASE, "NAME": database.settings_dict["NAME"]})
    return copy


@contextmanager
def direct_connection() -> Iterator[None]:
    """Use a direct connection as this thread's default one in the block; the same one inside of a transaction."""
    before = connections[DEFAULT_DB_ALIAS]
    own = before if before.in_atomic_block else direct(before)
    if own is before:
        yield
        return
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = before
        own.close()
