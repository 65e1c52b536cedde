"""Locks that all processes of a PostgreSQL database know, on any machine; SQLite has one writer at a time.

Each is an advisory lock of a transaction. A session's lock would stay behind where a pooler such as PgBouncer gives the
connection to another client after each transaction. What outlasts the transactions of its process has an open
transaction on a connection of its own, which ends when the process ends, however that happens.
"""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from enum import IntEnum
from typing import Any

import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from crm_project.db.deadline import COMMAND_TIMEOUT
from crm_project.db.direct import direct
from crm_project.db.postgresql.base import Connection


class Lock(IntEnum):
    """What is locked: the first half of the key of an advisory lock. The second half is a number, such as an id."""

    RUNNING_IMPORT = 0x1EAD  # as long as the import's process exists; the number is the run's id
    LOADING = 0x1EAE  # while rows are loaded; shared by imports that change no stored lead
    NEW_LEADS = 0x1EAF  # while duplicates of new leads are looked for
    MIGRATION = 0x1EB0
    REPAIR = 0x1EB1
    READING_FILE = 0x1EB2  # while a request reads an uploaded file
    COMPARING = 0x1EB3  # from the comparison of an import with those that ended meanwhile until its own end


# The server finds out within two minutes that the machine of an owner is gone.
KEEP_ALIVE = """
set_config('tcp_keepalives_idle', '60', true), set_config('tcp_keepalives_interval', '15', true),
set_config('tcp_keepalives_count', '4', true)
"""
# No snapshot is open in between, so the transaction blocks neither VACUUM nor CREATE INDEX CONCURRENTLY.
STAY = f"SELECT set_config('idle_in_transaction_session_timeout', '0', true), {KEEP_ALIVE}"
# A COPY whose process is suspended is not idle for PostgreSQL, so that statements have a limit, too.
LONG = f"""
SELECT set_config('statement_timeout', '6h', true),
    set_config('idle_in_transaction_session_timeout', '{COMMAND_TIMEOUT}', true), {KEEP_ALIVE}
"""
# A statement, such as the building of an index, is cancelled within a second after its process has died. PostgreSQL
# cannot do that on Windows.
END_WITH_PROCESS = """
SELECT set_config(name, '1000', %s) FROM pg_settings
WHERE name = 'client_connection_check_interval' AND version() !~ 'Visual C|msvc|mingw'
"""
TRY = "SELECT pg_try_advisory_xact_lock(%s, %s)"
# PostgreSQL shows connections as they were at the first look in a transaction, so a later lock may be of none of them.
LOCKED = """
SELECT objid::bigint, coalesce(nullif(application_name, ''), 'process ' || pid || ' of PostgreSQL')
FROM pg_locks LEFT JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = ANY(%s::oid[]) AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# Who asks for a shared lock waits for exclusive ones, and for those who wait for one.
WOULD_WAIT = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND classid = %s AND objid = 0 AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND NOT (%s AND granted AND mode = 'ShareLock')
)
"""


def lock_for_transaction(lock: Lock, shared: bool = False, patient: bool = False) -> None:
    """Wait for the lock and keep it until the end of the transaction that is open.

    ``patient``: for longer than for other locks, because what has it has limits of its own.
    """
    if connection.vendor == "postgresql":
        statement = f"SELECT pg_advisory_xact_lock{'_shared' * shared}({lock:d}, 0)"
        if patient:
            statement = f"SET LOCAL lock_timeout = 0; {statement}; SET LOCAL lock_timeout = {COMMAND_TIMEOUT:d}"
        with connection.cursor() as cursor:
            cursor.execute(statement)


def set_long_limits() -> None:
    """Set the limits of the transaction that is open for work of minutes, as of an import; also in a request."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(LONG)
            cursor.execute(END_WITH_PROCESS, [True])


def would_wait(lock: Lock, shared: bool = False) -> bool:
    """Return whether ``lock_for_transaction`` would wait at this moment. On PostgreSQL only."""
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(WOULD_WAIT, [lock, shared])
        return bool(cursor.fetchone()[0])


@contextmanager
def lock_for_block(database: BaseDatabaseWrapper, lock: Lock, number: int = 0) -> Iterator[bool]:
    """Lock until the end of the block or of the process, without waiting; yield whether the lock was free.

    Only for PostgreSQL. It takes a connection that is not of the pool, and does not go through a pooler.
    """
    with connection_with_lock(database, lock, number) as opened:
        yield opened is not None


@contextmanager
def connection_with_lock(database: BaseDatabaseWrapper, lock: Lock, number: int) -> Iterator[Connection | None]:
    """Yield the connection that has the lock, in its transaction; ``None`` if the lock was not free."""
    response_timeout = database.get_connection_params().get("response_timeout")
    params: dict[str, Any] = direct(database).get_connection_params()
    params |= {"response_timeout": response_timeout, "application_name": owner_name(lock)}
    with database.wrap_database_errors:
        opened = Connection.connect(**params)
    with closing(opened):
        with database.wrap_database_errors:
            opened.execute(STAY)  # begins the transaction
            is_free = bool(opened.execute(TRY, [lock, _half(number)]).fetchone()[0])
        try:
            yield opened if is_free else None
        finally:
            with suppress(psycopg.Error):
                opened.rollback()  # free from now on: PostgreSQL ends a closed connection a moment later


def owners(database: BaseDatabaseWrapper, lock: Lock, numbers: Iterable[int] = (0,)) -> dict[int, str]:
    """Return which of the numbers other connections have locked, with a name of the process of each.

    Only for PostgreSQL.
    """
    wanted = {_half(number): number for number in numbers}
    with database.cursor() as cursor:
        cursor.execute(LOCKED, [lock, list(wanted)])
        return {wanted[half]: name for half, name in cursor.fetchall()}


def owner_name(lock: Lock) -> str:
    """Return the name of this process in PostgreSQL's list of connections: what it does, and where."""
    return f"{lock.name.lower()} on {socket.gethostname()}, process {os.getpid()}"[-63:]


def _half(number: int) -> int:
    return number % 2**31
