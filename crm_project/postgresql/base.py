"""A database that takes a query and never answers (a stopped machine, a hung disk) holds no thread for good.

``statement_timeout`` is kept by PostgreSQL itself, which does not help when that is what hangs. The option ``patience``
is kept here.

A request that has waited for its turn (``crm_project/turns.py``) has less time for a statement than others.
"""

import select
import time
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from crm_project.database_url import STATEMENT_TIMEOUT
from crm_project.turns import deadline

INTERVAL = 0.1  # seconds; psycopg's own, after which it looks whether it was interrupted
LEAST = 1.0  # seconds that are left for a statement, however long a request has waited
SHORTEN = """
SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'statement_timeout' AND setting::bigint > %s
"""


class Connection(psycopg.Connection[Any]):
    """Closes itself and raises ``OperationalError`` where an answer takes longer than ``patience`` seconds."""

    patience: float | None = None

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

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection with the option's patience, in seconds; without the option, with all of it."""
        patience = conn_params.pop("patience", None)
        connection = super().get_new_connection(conn_params)
        connection.patience = self.patience = patience and float(patience)
        self.seen, self.shortened = None, False
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Once a request, see how much of its time is left."""
        if deadline.until != self.seen:
            self._keep_deadline(deadline.until)
        return super().create_cursor(name)

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
