"""A database that takes a query and never answers (a stopped machine, a hung disk) holds no thread for good.

``statement_timeout`` is kept by PostgreSQL itself, which does not help when that is what hangs. The option ``patience``
is kept here.
"""

import select
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

INTERVAL = 0.1  # seconds; psycopg's own, after which it looks whether it was interrupted


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

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection with the option's patience, in seconds; without the option, with all of it."""
        patience = conn_params.pop("patience", None)
        connection = super().get_new_connection(conn_params)
        connection.patience = patience and float(patience)
        return connection

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
