"""A database that takes a query and never answers (a stopped machine, a hung disk) holds no thread for good.

``statement_timeout`` is kept by PostgreSQL itself, which does not help when that is what hangs. The option ``patience``
is kept here.

A request that has waited for its turn (``crm_project/turns.py``) has less time for a statement than others.
"""

import select
import time
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from crm_project import wrapped
from crm_project.database_url import STATEMENT_TIMEOUT
from crm_project.postgresql.prepared import Answer, Prepared, Read, Row, Unprepared
from crm_project.turns import deadline

Came = Sequence[tuple[Read, Answer]]

INTERVAL = 0.1  # seconds; psycopg's own, after which it looks whether it was interrupted
LEAST = 1.0  # seconds that are left for a statement, however long a request has waited
SHORTEN = """
SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'statement_timeout' AND setting::bigint > %s
"""


class Connection(psycopg.Connection[Any]):
    """Closes itself and raises ``OperationalError`` where an answer takes longer than ``patience`` seconds."""

    patience: float | None = None
    prepared: Prepared

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """psycopg comes by here for every answer of the server."""
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.errors._WaitTimeout:
            if timeout is None:
                self.pgconn.finish()  # an answer that comes later would be taken for the next query's
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, over those connections."""

    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": Connection.connect})
    patience: float | None = None  # the connection's, for a request that has waited for nothing
    seen: float | None = None  # the deadline that was looked at last
    shortened = False  # whether statements have less time than the connection was made with
    coming: Sequence[Read] = ()  # what will be fetched after the next statement
    came: Came = ()  # the answers to those

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection with the option's patience, in seconds; without the option, with all of it."""
        patience = conn_params.pop("patience", None)
        connection = super().get_new_connection(conn_params)
        connection.patience = self.patience = patience and float(patience)
        connection.prepared = Prepared(connection)
        self.seen, self.shortened = None, False
        return connection

    def look_ahead(self, reads: Sequence[Read]) -> None:
        """What will be fetched after the next statement of that kind, in this order (``crm_project.hot.ahead``)."""
        self.coming, self.came = reads, ()

    def fetch(self, statement: str, values: Sequence[Any]) -> list[Row]:
        """All rows of a hot read, prepared on this connection; what a cursor checks, translates and counts is so here.

        Raises Django's database errors.
        """
        if self.queries_logged:  # as it is told then, so it is run
            return self._fetch_unprepared(statement, values)
        if self.came and not self.in_atomic_block and (answer := self._came(statement, values)) is not None:
            given: list[Row] = wrapped.run(self, partial(self._given, answer), statement, values)
            return given
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        self._see_deadline()
        try:
            with self.wrap_database_errors:
                rows: list[Row] = wrapped.run(self, self._run_prepared, statement, values)
                return rows
        except Unprepared:
            return self._fetch_unprepared(statement, values)

    def _given(self, answer: Answer, *asked: Any) -> Any:
        with self.wrap_database_errors:
            if isinstance(answer, Exception):
                raise answer
        return answer

    def _came(self, statement: str, values: Sequence[Any]) -> Answer:
        """The answer that came along with an earlier statement, if it is the one to this; it is given once."""
        (read, rows), *self.came = self.came
        if rows is None or read != (statement, values):
            self.came = ()
            return None
        return rows

    def _run_prepared(self, statement: str, values: Any, many: bool, context: Any) -> list[Row]:
        prepared: Prepared = self.connection.prepared
        if self.coming and not self.in_atomic_block:
            reads, self.coming = self.coming, ()
            rows, others = prepared.fetch_together([(statement, values), *reads])
            self.came = list(zip(reads, others, strict=True))
            return rows
        return prepared.fetch(statement, values)

    def _fetch_unprepared(self, statement: str, values: Sequence[Any]) -> list[Row]:
        with self.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())

    def create_cursor(self, name: str | None = None) -> Any:
        """Django's, once it is known how much of the request's time is left."""
        self._see_deadline()
        return super().create_cursor(name)

    def _see_deadline(self) -> None:
        if deadline.until != self.seen:  # once a request
            self._keep_deadline(deadline.until)

    def _keep_deadline(self, until: float | None) -> None:
        self.seen = until
        limit = STATEMENT_TIMEOUT / 1000
        waited = 0.0 if until is None else time.monotonic() + limit - until
        if waited > LEAST:
            left = f"{max(LEAST, limit - waited) * 1000:.0f}"
            self.connection.patience = self.patience and max(LEAST, self.patience - waited)
            self._execute(SHORTEN, [left, left])
            self.shortened = True
        elif self.shortened:
            self.connection.patience = self.patience
            self._execute("RESET statement_timeout")
            self.shortened = self.in_atomic_block  # where a rollback would undo it, the next request does it again

    def _execute(self, statement: str, params: list[str] | None = None) -> None:
        with self.wrap_database_errors:
            self.connection.execute(statement, params)

    def is_usable(self) -> bool:
        """Whether a kept connection still leads to the server: asked once a request.

        A server that ends, or ends a connection, closes it, and there is something to read. Only then is it asked with
        a statement: asking each time costs a tenth of a request.
        """
        if self.connection is None or self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN | select.POLLPRI)
        return not waiting.poll(0) or super().is_usable()
