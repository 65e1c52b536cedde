"""Work that one process at a time does, of all processes of the database on any machine, and how far it is.

On PostgreSQL an advisory lock of a connection of its own, whose name in the list of connections is the announcement. On
SQLite, whose processes are on one machine, a locked file beside the database, which contains it. The kernel unlocks the
file when the process ends, however that happens, and whatever the machine is called by then.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
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
def exclusive(lock: Lock, number: int = 0) -> Iterator[Announce]:
    """Lock until the end of the block or of the process; raise ``Busy`` without waiting if it is locked.

    Yield a function that announces a short ASCII text to all who call ``announced`` meanwhile. A ``number`` but 0 is an
    id that is never given again: its file is deleted.
    """
    with _in_postgresql(lock, number) if connection.vendor == "postgresql" else _in_file(lock, number) as announce:
        yield announce


def locked_numbers(lock: Lock, numbers: Iterable[int]) -> set[int]:
    """Return which of the numbers are locked, by whichever process."""
    if connection.vendor == "postgresql":
        return set(locks.owners(connection, lock, numbers))
    return {number for number in numbers if _is_locked(_path(lock, number))}


def announced(lock: Lock) -> str:
    """Return the latest announcement of the process that has the lock; "" if there is none."""
    if connection.vendor == "postgresql":
        return locks.owners(connection, lock).get(0, "")
    with suppress(OSError):
        return _path(lock).read_text().strip()
    return ""


@contextmanager
def _in_postgresql(lock: Lock, number: int) -> Iterator[Announce]:
    with locks.connection_with_lock(connection, lock, number) as locked:
        if locked is None:
            raise Busy

        def announce(text: str) -> None:
            with suppress(psycopg.Error):
                locked.execute("SELECT set_config('application_name', %s, true)", [text[:LENGTH]])

        yield announce


@contextmanager
def _in_file(lock: Lock, number: int) -> Iterator[Announce]:
    path = _path(lock, number)
    with open(path, "ab", buffering=0, opener=_for_database_owner) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None

        def announce(text: str) -> None:
            path.write_text(text[:LENGTH])

        announce("")
        try:
            yield announce
        finally:
            if number:
                path.unlink(missing_ok=True)
            else:
                announce("")


def _is_locked(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    path.unlink(missing_ok=True)  # its process was killed
    return False


def _for_database_owner(path: str, flags: int) -> int:
    """Open a private file. What root creates belongs to the owner of the database, as SQLite's own files do."""
    descriptor = private(path, flags)
    if os.geteuid() == 0:
        with suppress(OSError):
            database = os.stat(connection.settings_dict["NAME"])
            os.fchown(descriptor, database.st_uid, database.st_gid)
    return descriptor


def _path(lock: Lock, number: int = 0) -> Path:
    name = str(connection.settings_dict["NAME"])
    if "mode=memory" in name or name == ":memory:":  # of one process alone
        name = f"{tempfile.gettempdir()}/crm-{os.getuid()}-{os.getpid()}"
    return Path(f"{name}-{lock.name.lower()}{f'-{number}' if number else ''}")
