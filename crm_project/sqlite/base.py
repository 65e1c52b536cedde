"""A request waits for SQLite's lock no longer than is left of its time, whatever it waited for before."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base

from crm_project.turns import deadline

PRECISION = 0.25  # seconds; telling SQLite more often would cost every request something


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's; ``OPTIONS["timeout"]`` is for one wait outside requests, and for all waits of a request together."""

    patience = 0.0  # the option, in seconds
    told = 0.0  # what SQLite was told last

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection, with all of its patience; the file, where there is none yet, is for its owner alone."""
        if Path(conn_params["database"]).is_absolute():  # and not in memory
            with suppress(OSError):  # it is there, or SQLite will say why it cannot be
                os.close(os.open(conn_params["database"], os.O_CREAT | os.O_EXCL, 0o600))
        self.patience = self.told = float(conn_params["timeout"])
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Any:
        """Every statement comes by here, ``BEGIN IMMEDIATE`` too."""
        until = deadline.until
        left = self.patience if until is None else min(self.patience, max(0.0, until - time.monotonic()))
        if abs(left - self.told) > PRECISION:
            self.connection.execute(f"PRAGMA busy_timeout = {left * 1000:.0f}")
            self.told = left
        return super().create_cursor(name)
