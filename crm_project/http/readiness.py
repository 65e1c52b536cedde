"""Check whether this process can serve requests, by the state of the database over a dedicated connection.

A probe needs no connection of the pool, which requests may have taken, and opens none while its own works.
"""

import mmap
import re
import threading
from contextlib import suppress
from functools import cache
from typing import Any

import psycopg
from django.db import Error, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from crm_project.db.postgresql.base import Connection

TIMEOUT = 2  # seconds for a connection, for a statement, and for another probe
APPLIED = "SELECT app, name FROM django_migrations"
READ_ONLY = "SELECT current_setting('transaction_read_only') = 'on'"  # also of a replica
FULL = re.compile("too many|connection slots|no more connections")  # libpq passes on the message alone
STOPPING = "The server is stopping"

_stopping = mmap.mmap(-1, 1)  # shared with the processes that are forked later


def announce_stop() -> None:
    """Have all workers of this server reply that they are not ready."""
    _stopping[0] = 1


def unready_because() -> str:
    """Return why requests should go to another server, or "". Messages of the database may name servers and users."""
    if _stopping[0]:
        return STOPPING
    try:
        applied, read_only = probe.read()
    except Error as error:
        full = FULL.search(str(error))
        return "The database has no free connection" if full else "The database does not answer"
    missing = len(_last_migrations() - applied)
    if missing:
        return f"{missing} migrations are not applied"
    return "The database is read-only" if read_only else ""


@cache
def _last_migrations() -> frozenset[tuple[str, str]]:
    """Return the app and name of the last migration of each app."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


class Probe:
    """The connection of the probes of this process, opened by the first and again when it fails."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.params: dict[str, Any] = {}
        self.opened: Connection | BaseDatabaseWrapper | None = None

    def read(self) -> tuple[set[tuple[str, str]], bool]:
        """Return the applied migrations by app and name, and whether the database refuses writes.

        Raises Django's database errors.
        """
        if not self.lock.acquire(timeout=TIMEOUT):
            raise OperationalError("another probe waits for the database")
        try:
            return self._read_postgresql() if connection.vendor == "postgresql" else self._read_sqlite()
        except Error:
            self.close()
            raise
        finally:
            self.lock.release()

    def close(self) -> None:
        """Close the connection."""
        if self.opened is not None:
            with suppress(Exception):
                self.opened.close()
            self.opened = None

    def _read_postgresql(self) -> tuple[set[tuple[str, str]], bool]:
        params = _parameters(connection)
        with connection.wrap_database_errors:
            if isinstance(self.opened, Connection) and params == self.params and self.opened.is_alive():
                with suppress(psycopg.OperationalError):  # the server is closing it
                    return _query(self.opened)
            self.close()
            opened = self.opened = Connection.connect(**params)
            self.params = params
            return _query(opened)

    def _read_sqlite(self) -> tuple[set[tuple[str, str]], bool]:
        name = connection.settings_dict["NAME"]
        database: Any = self.opened
        if database is None or self.params != {"name": name}:
            self.close()
            database = self.opened = connection.copy()
            database.inc_thread_sharing()  # the lock has one thread use it at a time
            database.settings_dict["OPTIONS"]["timeout"] = TIMEOUT
            self.params = {"name": name}
        database.close_if_unusable_or_obsolete()  # the file may have been replaced
        with database.cursor() as cursor:
            cursor.execute(APPLIED)
            return set(cursor.fetchall()), False


def _query(opened: Connection) -> tuple[set[tuple[str, str]], bool]:
    ((read_only,),) = opened.execute(READ_ONLY).fetchall()
    return set(opened.execute(APPLIED).fetchall()), bool(read_only)


def _parameters(database: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the parameters of a connection to PostgreSQL outside the pool, with ``TIMEOUT``."""
    params: dict[str, Any] = database.get_connection_params()
    once = {"autocommit": True, "prepare_threshold": None}
    return {**params, **once, "connect_timeout": TIMEOUT, "response_timeout": TIMEOUT}


probe = Probe()
