"""Django's PostgreSQL backend, with limits on how long a request waits, and prepared statements.

A database that takes a query and never answers (a stopped machine, a hung disk) holds no thread for good.
``statement_timeout`` is kept by PostgreSQL itself, which does not help when that is what hangs. The option ``patience``
is kept here. A request that has waited for a thread (``crm_project/db/deadline.py``) has less time for a statement.
"""

import select
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg import errors
from psycopg.pq import TransactionStatus

from crm_project.database_url import STATEMENT_TIMEOUT
from crm_project.db.deadline import deadline

Row = tuple[Any, ...]

INTERVAL = 0.1  # seconds; psycopg's own, after which it looks whether it was interrupted
LEAST = 1.0  # seconds that are left for a statement, however long a request has waited
SHORTEN = """
SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'statement_timeout' AND setting::bigint > %s
"""
# A pooler that gives each transaction another connection (unknown or twice prepared), a table that was altered.
NOT_PREPARED = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.FeatureNotSupported)


class Connection(psycopg.Connection[Any]):
    """Closes itself and raises ``OperationalError`` where an answer takes longer than ``patience`` seconds."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """psycopg comes by here for every answer of the server."""
        try:
            return super().wait(gen, interval, timeout or self.patience)
        except psycopg.OperationalError:
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # an answer that comes later would be taken for the next query's
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, over those connections."""

    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": Connection.connect})
    patience: float | None = None  # the connection's, for a request that has waited for nothing
    seen: float | None = None  # the deadline that was looked at last
    shortened = False  # whether statements have less time than the connection was made with

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection with the option's patience, in seconds; without the option, with all of it."""
        patience = conn_params.pop("patience", None)
        connection = super().get_new_connection(conn_params)
        connection.patience = self.patience = patience and float(patience)
        self.seen, self.shortened = None, False
        return connection

    def fetch_prepared(self, statement: str, values: Sequence[Any]) -> list[Row]:
        """Return all rows of a statement that is prepared once on each connection. Raises Django's database errors.

        psycopg's own cursor takes half the time of Django's, and that prepares nothing.
        """
        if self.queries_logged:  # which Django's cursors do
            with self.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        self._see_deadline()
        execute: Callable[..., list[Row]] = self._execute_prepared
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        with self.wrap_database_errors:
            return execute(statement, values, False, {"connection": self, "cursor": None})

    def _execute_prepared(self, statement: str, values: Sequence[Any], *context: Any) -> list[Row]:
        # As texts, which PostgreSQL reads as what is wanted there: psycopg would prepare anew for each type of a value.
        given = [value if value is None else str(value) for value in values]
        cursor = psycopg.Cursor(self.connection)
        try:
            cursor.execute(statement, given, prepare=True)
        except NOT_PREPARED:
            self.connection.prepare_threshold = None  # nothing more is prepared on this connection
            if self.connection.info.transaction_status == TransactionStatus.INERROR:
                raise psycopg.OperationalError("prepared statements were lost; try again") from None
            cursor.execute(statement, given)
        return cursor.fetchall() if cursor.description else []

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
            self._run(SHORTEN, [left, left])
            self.shortened = True
        elif self.shortened:
            self.connection.patience = self.patience
            self._run("RESET statement_timeout")
            self.shortened = self.in_atomic_block  # where a rollback would undo it, the next request does it again

    def _run(self, statement: str, params: list[str] | None = None) -> None:
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
