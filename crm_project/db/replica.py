"""Reads from a replica of the PostgreSQL database, where ``DATABASE_REPLICA_URL`` names one.

Only what ``serve_reads`` runs reads there, and of the models only those of ``APPS``; users, tokens and every write are
always the primary's. A request reads from the replica if the replica has replayed the last write of its user, and is
not more than ``REPLICA_MAX_LAG`` seconds behind. Otherwise, and where the replica fails, the primary answers.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from psycopg.errors import QueryCanceled

from crm_project.events import event

REPLICA = "replica"
APPS = frozenset(("leads", "activities"))
PAUSE = 5.0  # seconds between attempts to reach a replica that failed

# Positions in PostgreSQL's log as numbers. A transaction that is committed is before the position that is read then.
PRIMARY = """
SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn, (SELECT position FROM http_lastwrite WHERE user_id = %s)
"""
# Of a server that was promoted there are none: it is no replica any more.
REPLAYED = """
SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn, extract(epoch FROM now() - pg_last_xact_replay_timestamp())
WHERE pg_is_in_recovery()
"""
RECORD = """
INSERT INTO http_lastwrite AS known (user_id, position) VALUES (%s, pg_current_wal_insert_lsn() - '0/0'::pg_lsn)
ON CONFLICT (user_id) DO UPDATE SET position = greatest(known.position, EXCLUDED.position)
"""

Reply = TypeVar("Reply", bound=HttpResponseBase)

_alias: ContextVar[str] = ContextVar("database", default=DEFAULT_DB_ALIAS)


def reading() -> BaseDatabaseWrapper:
    """Return the connection for reads of leads and activities: that of the primary, but in ``serve_reads``."""
    return connections[_alias.get()]


class ReplicaRouter:
    """Django's router: ``reading`` for models of ``APPS``, the primary for everything else."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        """Return the alias of the database that has the rows."""
        return _alias.get() if model._meta.app_label in APPS else DEFAULT_DB_ALIAS

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str:
        """Return the primary."""
        return DEFAULT_DB_ALIAS

    def allow_relation(self, *objects: models.Model, **hints: Any) -> bool:
        """Return true: both have the same rows."""
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether it is the primary, whose tables the replica has by itself."""
        return db == DEFAULT_DB_ALIAS


def serve_reads(user_id: int, read: Callable[[], Reply]) -> Reply:
    """Return the response of ``read``, which may run twice: on the replica, and if that fails on the primary."""
    if not _is_usable(user_id):
        return read()
    try:
        with _on_replica():
            response = read()
    except Error as error:
        if isinstance(error.__cause__, QueryCanceled):  # it took too long, and would on the primary
            raise
        return read()
    if isinstance(response, StreamingHttpResponse):
        response.streaming_content = _streamed(iter(response))
    return response


def record_write(user_id: int) -> None:
    """Record that the next read of this user must see everything which is committed now; nothing without a replica."""
    if REPLICA not in connections:
        return
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(RECORD, [user_id])


def _is_usable(user_id: int) -> bool:
    if REPLICA not in connections or not _attempt.is_due():
        return False
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(PRIMARY, [user_id])
        written, own = cursor.fetchone()
    try:
        # On the connection that the reads use: a replica that starts again may be behind where it was.
        with connections[REPLICA].cursor() as cursor:
            cursor.execute(REPLAYED)
            found = cursor.fetchone()
    except Error:
        found = None
    _attempt.end(found is not None)
    if found is None or found[0] is None:
        return False
    replayed, lag = found
    is_current = replayed >= written or (lag is not None and lag <= settings.REPLICA_MAX_LAG)
    return bool(replayed >= (own or 0) and is_current)


class _Attempt:
    """When a process tries the replica: always while it works, else one request every ``PAUSE`` seconds."""

    def __init__(self) -> None:
        self.next_at = 0.0  # a ``time.monotonic()``; 0 while the replica works

    def is_due(self) -> bool:
        """Return whether the request may try; the others of the next ``PAUSE`` seconds may not if it failed before."""
        now = time.monotonic()
        if now < self.next_at:
            return False
        if self.next_at:
            self.next_at = now + PAUSE
        return True

    def end(self, works: bool) -> None:
        """Record the outcome."""
        if works:
            self.next_at = 0.0
            return
        if not self.next_at:
            event("replica_unavailable")
        self.next_at = time.monotonic() + PAUSE


_attempt = _Attempt()


@contextmanager
def _on_replica() -> Iterator[None]:
    token = _alias.set(REPLICA)
    try:
        yield
    finally:
        _alias.reset(token)


def _streamed(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the parts of a response, each read from the replica. The response closes its own iterator."""
    while True:
        with _on_replica():
            part = next(parts, None)
        if part is None:
            return
        yield part
