"""SQLite's connections: kept between requests while the file is the same, and patient for no longer than a request is.

A request waits for the lock no longer than is left of its time, whatever it waited for before.
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

BRISK = 0.1  # seconds in which the lock is looked at often
MIN_PAUSE, MAX_PAUSE = 0.0002, 0.002  # seconds between two looks
TAKES_LOCK = ("BEGIN ", "INSERT", "UPDATE", "DELETE")  # how statements begin that others may make wait
PRECISION = 0.25  # seconds; telling SQLite more often would cost every request something


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's; ``OPTIONS["timeout"]`` is for one wait outside requests, and for all waits of a request together."""

    patience = 0.0  # the option, in seconds
    told = 0.0  # what SQLite was told last
    file: tuple[int, int] | None = None  # which one is open: device and number
    opened = 0  # how often one was

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection, with all of its patience; the file, where there is none yet, is for its owner alone."""
        if Path(conn_params["database"]).is_absolute():  # and not in memory
            with suppress(OSError):  # it is there, or SQLite will say why it cannot be
                os.close(os.open(conn_params["database"], os.O_CREAT | os.O_EXCL, 0o600))
        self.patience = self.told = float(conn_params["timeout"])
        connection = super().get_new_connection(conn_params)
        self.file = self._file_there()
        self.opened += 1
        return connection

    def close_if_unusable_or_obsolete(self) -> None:
        """Django's, around each request; and where another file has taken the place of the one that is open."""
        if self.connection is not None and not self.in_atomic_block and self.file != self._file_there():
            self.close()
        super().close_if_unusable_or_obsolete()

    def unchanged(self) -> Hashable:
        """What stays equal as long as nobody changes the database; ``None``, inside a transaction, says nothing."""
        if self.in_atomic_block:
            return None
        self.ensure_connection()
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()  # counts what others do
        return self.opened, version, self.connection.total_changes

    def try_briefly(self, execute: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor | None:
        """Run what needs the lock, which is looked at often at first; ``None`` where it was not free so soon.

        SQLite's own waits grow from one millisecond to a hundred, while writes of requests take less than one: who has
        waited comes too late again and again. Where an import has the lock, waiting is SQLite's affair after a moment.
        """
        connection: sqlite3.Connection = self.connection
        if self.told:
            connection.execute("PRAGMA busy_timeout = 0")
            self.told = 0.0
        until, pause = time.monotonic() + min(BRISK, self._left()), MIN_PAUSE
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

    def _left(self) -> float:
        """Seconds that the request may still wait for locks."""
        until = deadline.until
        return self.patience if until is None else min(self.patience, max(0.0, until - time.monotonic()))

    def _file_there(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.settings_dict["NAME"])
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def patient(self) -> sqlite3.Connection:
        """The connection, which waits for locks as long as the request may."""
        left = self._left()
        connection: sqlite3.Connection = self.connection
        if abs(left - self.told) > PRECISION:
            connection.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}")
            self.told = left
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Every statement of Django's comes by here, ``BEGIN IMMEDIATE`` too."""
        self.patient()
        return self.connection.cursor(factory=partial(PatientCursor, self))


class PatientCursor(base.SQLiteCursorWrapper):
    """Django's, which waits for the lock as ``DatabaseWrapper.try_briefly`` does."""

    def __init__(self, wrapper: DatabaseWrapper, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self.wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement; one that takes the lock as soon as others let it go."""
        execute = partial(super().execute, query, params)
        if self.connection.in_transaction or query[:6].upper() not in TAKES_LOCK:
            return execute()
        if (done := self.wrapper.try_briefly(execute)) is not None:
            return done
        self.wrapper.patient()
        return execute()
