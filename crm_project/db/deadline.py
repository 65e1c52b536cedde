"""The time limits of database work."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Milliseconds, on PostgreSQL. A transaction whose process hangs must not keep its locks for ever.
STATEMENT_TIMEOUT = 10_000  # of one statement of a request, with its waits for locks
IDLE_TIMEOUT = 60_000  # between two statements of a request's transaction: a slow reader of an export may take long
COMMAND_TIMEOUT = 600_000  # of commands, jobs and imports: between two statements of a transaction, or for a lock


class Deadline(threading.local):
    """When the request of this thread must have its response: a ``time.monotonic()``, or ``None`` outside requests."""

    until: float | None = None


deadline = Deadline()


@contextmanager
def no_waiting() -> Iterator[None]:
    """Make statements in the block fail at once if another connection has a lock that they need."""
    with waiting_at_most(0):
        yield


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Make statements in the block wait at most ``seconds`` from now for connections and locks, then fail."""
    before, deadline.until = deadline.until, time.monotonic() + seconds
    try:
        yield
    finally:
        deadline.until = before
