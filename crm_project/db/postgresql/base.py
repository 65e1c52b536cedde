"""Django's PostgreSQL backend, with time limits for requests, and prepared statements.

PostgreSQL enforces ``statement_timeout`` itself, which fails if the server hangs (a stopped machine, a disk error).
``response_timeout`` is enforced here. A request that has waited for a thread (``crm_project/db/deadline.py``) has less
time for its statements. Behind a pooler that gives each transaction another connection, nothing is set for a session:
each transaction begins with its limits.
"""

import select
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import psycopg
from django.db.backends.postgresql import base
from psycopg import errors, sql
from psycopg.pq import TransactionStatus

from crm_project.db.deadline import IDLE_TIMEOUT, STATEMENT_TIMEOUT, deadline

Row = tuple[Any, ...]

INTERVAL = 0.1  # seconds; psycopg's default, after which it checks for interrupts
MIN_TIME = 1.0  # seconds for a statement, however long the request has waited
SHORTEN = """
SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'statement_timeout' AND setting::bigint > %s
"""
# In a transaction: a pooler that keeps prepared statements gives them names of its own (PgBouncer 1.21 or later).
PREPARED_NAME = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT name FROM pg_prepared_%'"
OWN_NAME = "_pg3_"  # prefix of psycopg's names
# Errors with a pooler that uses another connection for each transaction, and after a change of a table.
NOT_PREPARED = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement, errors.FeatureNotSupported)


class Connection(psycopg.Connection[Any]):
    """A connection that closes and raises ``OperationalError`` if a response takes longer than its timeout."""

    response_timeout: float | None = None  # seconds, for a request that has not waited
    limit: float | None = None  # seconds that remain of it
    applied_deadline: float | None = None
    is_shortened = False  # whether statement_timeout is shorter than that of the connection
    is_pooled = False  # whether a pooler gives each transaction another connection of the server
    statement_timeout = STATEMENT_TIMEOUT  # milliseconds, of the next transaction through a pooler
    pooler_keeps_prepared: ClassVar[bool | None] = None  # not known yet

    @classmethod
    def connect(
        cls,
        conninfo: str = "",
        *,
        response_timeout: float | str | None = None,
        pooled: str | int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Return a connection with a ``response_timeout`` in seconds; without one, there is no limit."""
        connection = super().connect(conninfo, **kwargs)
        connection.response_timeout = connection.limit = float(response_timeout) if response_timeout else None
        connection.is_pooled = bool(pooled)
        if pooled and connection.prepare_threshold is not None:
            if cls.pooler_keeps_prepared is None:
                cls.pooler_keeps_prepared = connection.finds_prepared_statements_kept()
            if not cls.pooler_keeps_prepared:
                connection.prepare_threshold = None
        return connection

    def finds_prepared_statements_kept(self) -> bool:
        """Return whether the pooler has prepared statements ready on whichever connection a transaction gets."""
        if not psycopg.capabilities.has_send_close_prepared():  # psycopg would send DEALLOCATE, which no pooler knows
            return False
        try:
            with self.transaction():
                names = [name for (name,) in self.execute(PREPARED_NAME, prepare=True).fetchall()]
                own = [name for name in names if name.startswith(OWN_NAME)]
                for name in own:
                    self.execute(sql.SQL("DEALLOCATE {}").format(sql.Identifier(name)))
        except errors.DuplicatePreparedStatement:  # another program has left a statement of that name behind
            return False
        return bool(names) and not own

    def begin_limited(self) -> None:
        """Begin a transaction with the limits of a request."""
        begin = "BEGIN; " if self.autocommit else ""  # otherwise psycopg begins it
        self.execute(
            f"{begin}SET LOCAL statement_timeout = {self.statement_timeout:d}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_TIMEOUT:d}; SET LOCAL jit = off"
        )

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """Wait for a response of the server. psycopg calls this for every one."""
        try:
            return super().wait(gen, interval, timeout or self.limit)
        except psycopg.OperationalError:
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()  # otherwise a late response would be that of the next query
            raise

    def apply_deadline(self, until: float | None) -> None:
        """Limit statements to the time that remains until a request's deadline. ``None`` is the usual time."""
        if until == self.applied_deadline:
            return
        self.applied_deadline = until
        total = STATEMENT_TIMEOUT / 1000
        waited = 0.0 if until is None else time.monotonic() + total - until
        if self.is_pooled:
            waited = waited if waited > MIN_TIME else 0.0
            self.statement_timeout = int(max(MIN_TIME, total - waited) * 1000)
            self.limit = self.response_timeout and max(MIN_TIME, self.response_timeout - waited)
        elif waited > MIN_TIME:
            remaining = f"{max(MIN_TIME, total - waited) * 1000:.0f}"
            self.limit = self.response_timeout and max(MIN_TIME, self.response_timeout - waited)
            self.execute(SHORTEN, [remaining, remaining])
            self.is_shortened = True
        elif self.is_shortened:
            self.limit = self.response_timeout
            self.execute("RESET statement_timeout")
            # Inside a transaction, which may be rolled back, the next request repeats this.
            self.is_shortened = self.info.transaction_status != TransactionStatus.IDLE

    def is_alive(self) -> bool:
        """Return whether the server has not closed the connection, without a query."""
        if self.closed:
            return False
        events = select.poll()
        events.register(self.fileno(), select.POLLIN | select.POLLPRI)
        return not events.poll(0)  # an idle connection has something to read only if it was closed


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's backend. Requests use connections of a pool (``database_url.configure_for_requests``)."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's parameters. Only connections of the pool have a ``response_timeout``, or are ``pooled``."""
        params: dict[str, Any] = super().get_connection_params()
        if not self.settings_dict["OPTIONS"].get("pool"):
            params.pop("response_timeout", None)
        elif self.settings_dict.get("POOLED"):
            params["pooled"] = True
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection. Those of the pool that the server has closed are replaced."""
        connection = super().get_new_connection(conn_params)
        while isinstance(connection, Connection) and not connection.is_alive():
            connection.close()
            self.pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        if self.settings_dict.get("POOLED") and self._limit_transaction not in self.execute_wrappers:
            self.execute_wrappers.insert(0, self._limit_transaction)
        return connection

    def _limit_transaction(self, execute: Callable[..., Any], *statement: Any) -> Any:
        """Run a statement; if no transaction is open, begin one with limits, and commit it unless Django will."""
        connection = self.connection
        if not isinstance(connection, Connection) or connection.info.transaction_status != TransactionStatus.IDLE:
            return execute(*statement)
        with self.wrap_database_errors:
            connection.begin_limited()
        if not connection.autocommit:
            return execute(*statement)
        try:
            result = execute(*statement)
        except BaseException:
            with suppress(psycopg.Error):
                connection.rollback()
            raise
        with self.wrap_database_errors:
            connection.commit()
        return result

    def fetch_prepared(self, statement: str, values: Sequence[Any]) -> list[Row]:
        """Return all rows of a statement that is prepared once on each connection. Raises Django's database errors.

        psycopg's cursor takes half the time of Django's, which prepares no statements.
        """
        if self.queries_logged:  # Django's cursors write that log
            with self.cursor() as cursor:
                cursor.execute(statement, values)
                return list(cursor.fetchall())
        self.ensure_connection()
        self.validate_no_broken_transaction()
        self._apply_deadline()
        execute: Callable[..., list[Row]] = self._execute_prepared
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        with self.wrap_database_errors:
            return execute(statement, values, False, {"connection": self, "cursor": None})

    def _execute_prepared(self, statement: str, values: Sequence[Any], *context: Any) -> list[Row]:
        # As texts, which PostgreSQL converts: psycopg would prepare the statement again for each type of a value.
        texts = [value if value is None else str(value) for value in values]
        cursor = psycopg.Cursor(self.connection)
        try:
            cursor.execute(statement, texts, prepare=True)
        except NOT_PREPARED:
            self.connection.prepare_threshold = None  # prepares no more statements on this connection
            if self.connection.info.transaction_status == TransactionStatus.INERROR:
                raise psycopg.OperationalError("prepared statements were lost; try again") from None
            cursor.execute(statement, texts)
        return cursor.fetchall()

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor, and apply the request's deadline."""
        self._apply_deadline()
        return super().create_cursor(name)

    def _apply_deadline(self) -> None:
        if isinstance(self.connection, Connection):
            with self.wrap_database_errors:
                self.connection.apply_deadline(deadline.until)
