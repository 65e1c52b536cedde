"""The moment at which a request must have its reply, for whatever waits in its thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline(threading.local):
    """``until`` is a ``time.monotonic()``; ``None`` outside of requests."""

    until: float | None = None


deadline = Deadline()


@contextmanager
def no_waiting() -> Iterator[None]:
    """Within the block nothing waits for a lock that somebody else has; what needs it fails at once."""
    before, deadline.until = deadline.until, time.monotonic()
    try:
        yield
    finally:
        deadline.until = before
