"""``manage.py migrate``: Django's, one process at a time, and never in front of everybody for longer than a second.

A change of a table needs a lock that lets nobody else in. While it waits behind a long transaction, an import for one,
whoever comes later waits behind it. So PostgreSQL is told to give up after ``LONGEST``, and it is tried again.
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

LONGEST = "1s"  # for a lock; nobody waits behind us for longer
PAUSE = 2.0  # seconds in which others get through
PATIENCE = 600  # seconds for all tries
LOCK = 0x1EB0  # the first half of PostgreSQL's advisory lock keys, as in leads/importing/runs.py
BUSY = psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected

Tell = Callable[[str], object]


class Command(migrate.Command):
    """In place of Django's; its arguments are the same."""

    def add_arguments(self, parser: CommandParser) -> None:
        """As Django's, and how long to go on trying."""
        super().add_arguments(parser)
        parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds to try to get at tables in use")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; ``CommandError`` where tables were in use all the time."""
        connection = connections[options["database"]]
        until = time.monotonic() + options.pop("patience", PATIENCE)
        told = False
        with alone(connection, self.stderr.write):
            while True:
                try:
                    with brief_locks(connection):
                        super().handle(*args, **options)
                        return
                except OperationalError as error:
                    if not isinstance(error.__cause__, BUSY):
                        raise
                    if time.monotonic() >= until:
                        raise CommandError(f"Tables that are to change are in use by others: {error}".strip()) from None
                    if not told:
                        self.stderr.write("Waiting for others to end what they do with tables that are to change")
                        told = True
                    time.sleep(PAUSE)


@contextmanager
def alone(connection: BaseDatabaseWrapper, tell: Tell) -> Iterator[None]:
    """Keep other processes from migrating the same database meanwhile: two servers that start at once, for two."""
    with _alone_postgresql(connection, tell) if connection.vendor == "postgresql" else _alone_sqlite(connection):
        yield


@contextmanager
def _alone_postgresql(connection: BaseDatabaseWrapper, tell: Tell) -> Iterator[None]:
    told = False
    # Asked again and again: a statement that waits would be one that the making of an index has to wait for.
    while not _asked(connection, "pg_try_advisory_lock"):
        if not told:
            tell("Waiting for another process that migrates this database")
            told = True
        time.sleep(PAUSE / 4)
    try:
        yield
    finally:
        if connection.is_usable():
            _asked(connection, "pg_advisory_unlock")


def _asked(connection: BaseDatabaseWrapper, function: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, 0)", [LOCK])
        return bool(cursor.fetchone()[0])


@contextmanager
def _alone_sqlite(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """By a lock on the file's folder: SQLite takes none there, and nothing is left behind."""
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
def brief_locks(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Have PostgreSQL give up waiting for a lock after ``LONGEST``, unless the database's URL has set a limit."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'lock_timeout' AND setting = '0'",
            [LONGEST],
        )
        limited = cursor.fetchone() is not None
    try:
        yield
    finally:
        if limited and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
