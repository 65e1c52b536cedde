"""``manage.py migrate``: Django's command, for one process at a time, with short waits for locks.

A change of a table needs an exclusive lock. While it waits for a long transaction, such as an import, all later
statements on the table wait behind it. PostgreSQL therefore gives up after ``LOCK_TIMEOUT``, and the command retries.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.core.management import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK_TIMEOUT = "1s"
RETRY_DELAY = 2.0  # seconds in which other statements can run
RETRY_TIME = 600  # seconds for all attempts
LOCK = 0x1EB0  # the first half of PostgreSQL's advisory lock keys, as in leads/importing/runs.py
BUSY = psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected

Notify = Callable[[str], object]


class Command(migrate.Command):
    """Replaces Django's command; has one more option."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add Django's options and ``--retry-time``."""
        super().add_arguments(parser)
        parser.add_argument(
            "--retry-time", type=float, default=RETRY_TIME, help="seconds to retry while tables are locked"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; raise ``CommandError`` if tables were locked all the time."""
        connection = connections[options["database"]]
        until = time.monotonic() + options.pop("retry_time", RETRY_TIME)
        notified = False
        with exclusive(connection, self.stderr.write):
            while True:
                try:
                    with lock_timeout(connection):
                        super().handle(*args, **options)
                        return
                except OperationalError as error:
                    if not isinstance(error.__cause__, BUSY):
                        raise
                    if time.monotonic() >= until:
                        raise CommandError(f"Other connections have locked the tables: {error}".strip()) from None
                    if not notified:
                        self.stderr.write("Waiting for locks that other connections have on the tables")
                        notified = True
                    time.sleep(RETRY_DELAY)


@contextmanager
def exclusive(connection: BaseDatabaseWrapper, notify: Notify) -> Iterator[None]:
    """Lock out other migrations of the same database, such as that of another server that starts."""
    with _lock_postgresql(connection, notify) if connection.vendor == "postgresql" else _lock_sqlite(connection):
        yield


@contextmanager
def _lock_postgresql(connection: BaseDatabaseWrapper, notify: Notify) -> Iterator[None]:
    notified = False
    # Polling: CREATE INDEX CONCURRENTLY would wait for a statement that waits for the lock.
    while not _call(connection, "pg_try_advisory_lock"):
        if not notified:
            notify("Waiting for another migration of this database")
            notified = True
        time.sleep(RETRY_DELAY / 4)
    try:
        yield
    finally:
        if connection.is_usable():
            _call(connection, "pg_advisory_unlock")


def _call(connection: BaseDatabaseWrapper, function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, 0)", [LOCK])
        return bool(cursor.fetchone()[0])


@contextmanager
def _lock_sqlite(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Lock the folder of the database file, which SQLite itself does not lock."""
    folder = Path(str(connection.settings_dict["NAME"])).parent
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # Windows
        yield
        return
    if connection.is_in_memory_db() or not folder.is_dir():  # type: ignore[attr-defined]
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def lock_timeout(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Set PostgreSQL's lock timeout to ``LOCK_TIMEOUT``, unless the database's URL sets one."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'lock_timeout' AND setting = '0'",
            [LOCK_TIMEOUT],
        )
        changed = cursor.fetchone() is not None
    try:
        yield
    finally:
        if changed and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
