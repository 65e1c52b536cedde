"""Django's SQLite backend, with persistent connections and a limit on all waits for locks of a request.

A request waits for a lock no longer than its remaining time (``crm_project/db/deadline.py``).
"""

import os
import sqlite3
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import random
from typing import Any

from django.db.backends.sqlite3 import base

from crm_project.db.deadline import deadline

POLL_TIME = 0.1  # seconds of frequent attempts to take the lock
MIN_PAUSE, MAX_PAUSE = 0.0002, 0.002  # seconds between two of these attempts
LOCKING_PREFIXES = ("BEGIN ", "INSERT", "UPDATE", "DELETE")  # of statements that take the lock
PRECISION = 0.25  # seconds; smaller changes of busy_timeout are not worth a statement


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's backend. ``OPTIONS["timeout"]`` limits all waits of a request together, or one wait outside requests."""

    lock_timeout = 0.0  # the option, in seconds
    busy_timeout = 0.0  # SQLite's current setting, in seconds
    open_file: tuple[int, int] | None = None  # device and inode of the connection's file
    connections_opened = 0

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection. A new database file is readable by its owner only."""
        if Path(conn_params["database"]).is_absolute():  # not in memory
            with suppress(OSError):  # the file exists, or SQLite reports the error
                os.close(os.open(conn_params["database"], os.O_CREAT | os.O_EXCL, 0o600))
        self.lock_timeout = self.busy_timeout = float(conn_params["timeout"])
        connection = super().get_new_connection(conn_params)
        self.open_file = self._current_file()
        self.connections_opened += 1
        return connection

    def close_if_unusable_or_obsolete(self) -> None:
        """Do what Django does around each request, and close the connection if its file was replaced."""
        if self.connection is not None and not self.in_atomic_block and self.open_file != self._current_file():
            self.close()
        super().close_if_unusable_or_obsolete()

    def data_version(self) -> Hashable:
        """Return a value that changes whenever the database does; ``None`` inside a transaction."""
        if self.in_atomic_block:
            return None
        self.ensure_connection()
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()  # changes by other connections
        return self.connections_opened, version, self.connection.total_changes

    def poll_lock(self, execute: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor | None:
        """Run a statement as soon as the lock is free; return ``None`` if it is not within ``POLL_TIME``.

        SQLite's own pauses grow from 1 to 100 ms, while a request's write takes less than 1 ms: with them, a waiting
        request would miss the free lock again and again. For longer locks, such as an import's, SQLite's wait is used.
        """
        connection: sqlite3.Connection = self.connection
        if self.busy_timeout:
            connection.execute("PRAGMA busy_timeout = 0")
            self.busy_timeout = 0.0
        until, pause = time.monotonic() + min(POLL_TIME, self._remaining()), MIN_PAUSE
        while True:
            try:
                return execute()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() > until:
                    return None
            time.sleep(pause * (0.5 + random()))  # noqa: S311
            pause = min(MAX_PAUSE, 1.5 * pause)

    def _remaining(self) -> float:
        """Return the seconds that the request may still wait for locks."""
        until = deadline.until
        return self.lock_timeout if until is None else min(self.lock_timeout, max(0.0, until - time.monotonic()))

    def _current_file(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.settings_dict["NAME"])
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def set_busy_timeout(self) -> None:
        """Have SQLite wait for locks as long as the request may."""
        remaining = self._remaining()
        if abs(remaining - self.busy_timeout) > PRECISION:
            self.connection.execute(f"PRAGMA busy_timeout = {remaining * 1000:.0f}")
            self.busy_timeout = remaining

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor. Django calls this for every statement, also for ``BEGIN IMMEDIATE``."""
        self.set_busy_timeout()
        return self.connection.cursor(factory=partial(PollingCursor, self))


class PollingCursor(base.SQLiteCursorWrapper):
    """Django's cursor, with ``DatabaseWrapper.poll_lock`` for statements that take the lock."""

    def __init__(self, wrapper: DatabaseWrapper, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement."""
        execute = partial(super().execute, query, params)
        if self.connection.in_transaction or query[:6].upper() not in LOCKING_PREFIXES:
            return execute()
        if (cursor := self.wrapper.poll_lock(execute)) is not None:
            return cursor
        self.wrapper.set_busy_timeout()
        return execute()
