"""``manage.py migrate``: Django's command, for one process at a time, with short waits for locks.

A change of a table needs an exclusive lock. While it waits for a long transaction, such as an import, all later
statements on the table wait behind it. PostgreSQL therefore gives up after ``LOCK_TIMEOUT``, and the command retries.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from crm_project.db import locks
from crm_project.db.deadline import COMMAND_TIMEOUT
from crm_project.db.locks import Lock

LOCK_TIMEOUT = "1s"
RETRY_DELAY = 2.0  # seconds in which other statements can run
BUSY = psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected


class Command(migrate.Command):
    """Replaces Django's command; has one more option."""

    notified = ""  # the last notice that was printed

    def add_arguments(self, parser: CommandParser) -> None:
        """Add Django's options and ``--retry-time``."""
        super().add_arguments(parser)
        parser.add_argument(
            "--retry-time",
            type=float,
            default=settings.MIGRATE_TIMEOUT,
            help="seconds to wait for another migration, and to retry while tables are locked",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; raise ``CommandError`` if another migration ran or tables were locked all the time.

        Returns at once if another process has done everything meanwhile, as when several servers start.
        """
        connection = connections[options["database"]]
        until = time.monotonic() + options.pop("retry_time", settings.MIGRATE_TIMEOUT)
        with ExitStack() as stack:
            while not stack.enter_context(exclusive(connection)):
                if options.get("app_label") is None and not missing(connection):
                    return
                what = f"another migration of this database{owner(connection)}"
                self._wait(until, f"Waiting for {what}", f"There is {what}")
            while True:
                try:
                    with lock_timeout(connection):
                        super().handle(*args, **options)
                        return
                except OperationalError as error:
                    if not isinstance(error.__cause__, BUSY):
                        raise
                    notice = "Waiting for locks that other connections have on the tables"
                    self._wait(until, notice, f"Other connections have locked the tables: {error}".strip())

    def _wait(self, until: float, notice: str, error: str) -> None:
        """Wait a moment, after a notice at the first time; raise ``CommandError`` if it is too late."""
        if time.monotonic() >= until:
            raise CommandError(error)
        if notice != self.notified:
            self.stderr.write(notice)
            self.notified = notice
        time.sleep(RETRY_DELAY)


def missing(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a migration is not applied."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def owner(connection: BaseDatabaseWrapper) -> str:
    """Return who migrates, after a colon; "" if that is not known."""
    name = locks.owners(connection, Lock.MIGRATION).get(0) if connection.vendor == "postgresql" else None
    return f": {name}" if name else ""


def exclusive(connection: BaseDatabaseWrapper) -> AbstractContextManager[bool]:
    """Lock out other migrations of the same database, such as that of another server that starts.

    Waits for nothing: the block is given whether it has the lock.
    """
    if connection.vendor == "postgresql":
        return locks.lock_for_block(connection, Lock.MIGRATION)
    return _lock_sqlite(connection)


@contextmanager
def _lock_sqlite(connection: BaseDatabaseWrapper) -> Iterator[bool]:
    """Lock the folder of the database file, which SQLite itself does not lock."""
    folder = Path(str(connection.settings_dict["NAME"])).parent
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows
        yield True
        return
    if connection.is_in_memory_db() or not folder.is_dir():  # type: ignore[attr-defined]
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


@contextmanager
def lock_timeout(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Set PostgreSQL's lock timeout to ``LOCK_TIMEOUT``, unless the database's URL sets one.

    If this process dies, its statement is cancelled.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(locks.END_WITH_PROCESS, [False])
        cursor.execute(
            "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'lock_timeout' AND setting IN ('0', %s)",
            [LOCK_TIMEOUT, str(COMMAND_TIMEOUT)],
        )
        changed = cursor.fetchone() is not None
    try:
        yield
    finally:
        if changed and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
