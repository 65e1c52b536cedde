"""Django's PostgreSQL backend, with limits on how long a request waits, and prepared statements.

A database that takes a query and never answers (a stopped machine, a hung disk) holds no thread for good.
``statement_timeout`` is kept by PostgreSQL itself, which does not help when that is what hangs. The option ``patience``
is kept here. A request that has waited for a thread (``crm_project/db/deadline.py``) has less time for a statement.
"""

import select
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg import errors
from psycopg.pq import TransactionStatus

from crm_project.db.deadline import STATEMENT_TIMEOUT, deadline

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

    patience: float | None = None  # for a request that has waited for nothing
    limit: float | None = None  # what is left of it
    seen: float | None = None  # the deadline that was looked at last
    shortened = False  # whether statements have less time than the connection was made with

    @classmethod
    def connect(cls, conninfo: str = "", *, patience: float | str | None = None, **kwargs: Any) -> Any:
        """Return a connection whose answers may take ``patience`` seconds; without it, all the time they need."""
        connection = super().connect(conninfo, **kwargs)
        connection.patience = connection.limit = float(patience) if patience else None
        return connection

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """psycopg comes by here for every answer of the server."""
        try:
            return super().wait(gen, interval, timeout or self.limit)
        except psycopg.OperationalError:
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # an answer that comes later would be taken for the next query's
            raise

    def keep_deadline(self, until: float | None) -> None:
        """Give statements no more time than a request with that deadline has left; ``None``: the usual time."""
        if until == self.seen:
            return
        self.seen = until
        most = STATEMENT_TIMEOUT / 1000
        waited = 0.0 if until is None else time.monotonic() + most - until
        if waited > LEAST:
            left = f"{max(LEAST, most - waited) * 1000:.0f}"
            self.limit = self.patience and max(LEAST, self.patience - waited)
            self.execute(SHORTEN, [left, left])
            self.shortened = True
        elif self.shortened:
            self.limit = self.patience
            self.execute("RESET statement_timeout")
            # Where a rollback would undo it, the next request does it again.
            self.shortened = self.info.transaction_status != TransactionStatus.IDLE

    def is_alive(self) -> bool:
        """Whether the connection still leads to the server, which is not asked.

        A server that ends, or ends a connection, closes it, and there is something to read.
        """
        if self.closed:
            return False
        waiting = select.poll()
        waiting.register(self.fileno(), select.POLLIN | select.POLLPRI)
        return not waiting.poll(0)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's; requests take their connections from a pool (``database_url.suit_requests``)."""

    def get_connection_params(self) -> dict[str, Any]:
        """Django's; only the pool's connections have patience."""
        params: dict[str, Any] = super().get_connection_params()
        if not self.settings_dict["OPTIONS"].get("pool"):
            params.pop("patience", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's; one from the pool that was closed meanwhile is replaced."""
        connection = super().get_new_connection(conn_params)
        while isinstance(connection, Connection) and not connection.is_alive():
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection

    def fetch_prepared(self, statement: str, values: Sequence[Any]) -> list[Row]:
        """Return all rows of a statement that is prepared once on each connection. Raises Django's database errors.

        psycopg's own cursor takes half the time of Django's, and that prepares nothing.
        """
        if self.queries_logged:  # which Django's cursors do
            with self.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        self.ensure_connection()
        self.validate_no_broken_transaction()
        self._keep_deadline()
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
        return cursor.fetchall()

    def create_cursor(self, name: str | None = None) -> Any:
        """Django's, once it is known how much of the request's time is left."""
        self._keep_deadline()
        return super().create_cursor(name)

    def _keep_deadline(self) -> None:
        if isinstance(self.connection, Connection):
            with self.wrap_database_errors:
                self.connection.keep_deadline(deadline.until)
