"""Work that one process at a time does, of all processes of the database on any machine, and how far it is.

On PostgreSQL an advisory lock of a connection of its own, whose name in the list of connections is the announcement. On
SQLite, whose processes are on one machine, a locked file beside the database, which contains it.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.db import connection

from crm_project.db import locks
from crm_project.db.locks import Lock
from crm_project.private_files import private

LENGTH = 60  # characters of an announcement

Announce = Callable[[str], None]


class Busy(Exception):
    """Another process, or another thread, has the lock."""


@contextmanager
def exclusive(lock: Lock) -> Iterator[Announce]:
    """Lock until the end of the block or of the process; raise ``Busy`` without waiting if it is locked.

    Yield a function that announces a short ASCII text to all who call ``announced`` meanwhile.
    """
    with _in_postgresql(lock) if connection.vendor == "postgresql" else _in_file(lock) as announce:
        yield announce


def announced(lock: Lock) -> str:
    """Return the latest announcement of the process that has the lock; "" if there is none."""
    if connection.vendor == "postgresql":
        return locks.owners(connection, lock).get(0, "")
    with suppress(OSError):
        return _path(lock).read_text().strip()
    return ""


@contextmanager
def _in_postgresql(lock: Lock) -> Iterator[Announce]:
    with locks.connection_with_lock(connection, lock) as locked:
        if locked is None:
            raise Busy

        def announce(text: str) -> None:
            with suppress(psycopg.Error):
                locked.execute("SELECT set_config('application_name', %s, true)", [text[:LENGTH]])

        yield announce


@contextmanager
def _in_file(lock: Lock) -> Iterator[Announce]:
    with open(_path(lock), "ab", buffering=0, opener=private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None

        def announce(text: str) -> None:
            _path(lock).write_text(text[:LENGTH])

        announce("")
        try:
            yield announce
        finally:
            announce("")


def _path(lock: Lock) -> Path:
    name = str(connection.settings_dict["NAME"])
    if "mode=memory" in name or name == ":memory:":  # of one process alone
        name = f"{tempfile.gettempdir()}/crm-{os.getuid()}-{os.getpid()}"
    return Path(f"{name}-{lock.name.lower()}")
