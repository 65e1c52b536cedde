"""The moment at which a request must have its reply, for whatever waits in its thread."""

import threading


class Deadline(threading.local):
    """``until`` is a ``time.monotonic()``; ``None`` outside of requests."""

    until: float | None = None


deadline = Deadline()
