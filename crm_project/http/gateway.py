"""WSGI middleware around Django, for any server: limits on concurrent requests, and complete bodies and responses.

``THREADS`` requests of a process run at a time, each with at most one database connection. Others wait in threads of
the server, and get a 503 after too long a wait. Writes leave one slot free, so that reads never wait for writes which
wait for the database. Health checks and metrics need no slot.
"""

import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, cast

from crm_project.db.deadline import deadline
from crm_project.http.errors import UNAVAILABLE_BECAUSE
from crm_project.http.middleware import BODY_REFUSED, BUSY, METRICS, PROBES
from crm_project.http.request_bodies import Body, RequestBodies

READS = ("GET", "HEAD", "OPTIONS")
WITHOUT_SLOT = PROBES | {"/", METRICS}
SERVER_THREADS = 128  # of one process, for requests that run or wait; ``manage.py serve`` starts as many when needed
BODY_SLOTS = 96  # of those, at most, for requests that wait for their bodies
RESPONSE_SLOTS = 16  # of those, at most, for large responses: each waits for its client to read
IN_MEMORY = 2**20  # bytes of a streamed response; a larger one is written to a file
BLOCK = 64 * 1024  # bytes of that file that are sent at a time

INTERNAL_ERROR = b'{"detail":"Internal Server Error"}'

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Any]
Slots = threading.BoundedSemaphore
Load = Callable[[str, int], None]  # called with "busy" or "waiting", and a change of the number of such requests


def no_load(state: str, change: int) -> None:
    """Count nothing."""


class Gateway:
    """Runs ``threads`` requests of ``application`` at a time. A request waits at most ``max_wait`` seconds."""

    def __init__(self, application: Application, threads: int, max_wait: float, load: Load = no_load) -> None:
        self.application, self.max_wait, self.load = application, max_wait, load
        self.slots = Slots(threads)
        self.write_slots = Slots(max(1, threads - 1))
        self.bodies = RequestBodies(BODY_SLOTS)
        self.large_responses = Slots(RESPONSE_SLOTS)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Return the complete response to a request."""
        body = Body()
        try:
            refused = self.bodies.receive(environ, body)
            deadline.until = None
            if refused == 503:
                environ[UNAVAILABLE_BECAUSE] = "too_many_bodies"
            if refused or environ["PATH_INFO"] in WITHOUT_SLOT:
                environ[BUSY] = self._is_busy()
                return self._run(environ, start_response, refused)
            deadline.until = time.monotonic() + self.max_wait
            needed = (self.slots,) if environ["REQUEST_METHOD"] in READS else (self.write_slots, self.slots)
            return self._run_in_slots(environ, start_response, needed, deadline.until)
        finally:
            self.bodies.release(body)

    def _is_busy(self) -> bool:
        """Return whether a new request would have to wait."""
        if not self.slots.acquire(blocking=False):
            return True
        self.slots.release()
        return False

    def _run_in_slots(
        self, environ: Environ, start_response: StartResponse, needed: Sequence[Slots], until: float
    ) -> Iterable[bytes]:
        """Run the request once it has one of each of the ``needed`` slots, or return a 503 after ``until``."""
        if not needed:
            return self._run_counted(environ, start_response)
        slots, *others = needed
        if not (slots.acquire(blocking=False) or self._wait(slots, until)):
            environ[UNAVAILABLE_BECAUSE] = "no_thread"
            return self._run(environ, start_response, 503)
        try:
            return self._run_in_slots(environ, start_response, others, until)
        finally:
            slots.release()

    def _wait(self, slots: Slots, until: float) -> bool:
        self.load("waiting", 1)
        try:
            return slots.acquire(timeout=max(0.0, until - time.monotonic()))
        finally:
            self.load("waiting", -1)

    def _run_counted(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self.load("busy", 1)
        try:
            return self._run(environ, start_response)
        finally:
            self.load("busy", -1)

    def _complete(self, chunks: Iterable[bytes]) -> Iterable[bytes] | None:
        """Return a stream that was read to its end: a failure becomes an error response, and the slot is free.

        The server's thread waits until the client has read a large response. ``None`` if too many threads do so.
        """
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  the server closes it after sending
        try:
            for chunk in chunks:
                file.write(chunk)
            large = file.tell() > IN_MEMORY
            file.seek(0)
        except BaseException:
            file.close()
            raise
        if large and self.large_responses.acquire(blocking=False):
            return LargeResponse(cast(IO[bytes], file), self.large_responses.release)
        with file:
            return None if large else [file.read()]

    def _run(self, environ: Environ, start_response: StartResponse, refused: int = 0) -> Iterable[bytes]:
        environ[BODY_REFUSED] = refused
        try:
            response = self.application(environ, start_response)
            try:
                # Sentry wraps Django's responses; without their attribute, they may be streams.
                streaming = getattr(response, "streaming", True)
                complete = self._complete(response) if streaming else [b"".join(response)]
            finally:
                response.close()
            if complete is None:
                environ[UNAVAILABLE_BECAUSE] = "too_many_large_replies"
                return self._run(environ, _replacing(start_response), 503)
            return complete
        except Exception:  # not caught by Django; the server would log the exception's message
            logger.exception("no_reply")
            start_response(
                "500 Internal Server Error", [("Content-Type", "application/json"), ("Server", "crm")], sys.exc_info()
            )
            return [INTERNAL_ERROR]


def _replacing(start_response: StartResponse) -> StartResponse:
    """Return a ``start_response`` that replaces an earlier call; PEP 3333 allows that only with ``exc_info``."""
    return lambda status, headers, exc_info=None: start_response(status, headers, exc_info or sys.exc_info())


class LargeResponse:
    """A response that is sent from a file in blocks. ``closed`` is called once, at the end."""

    def __init__(self, file: IO[bytes], closed: Callable[[], None]) -> None:
        self.file, self.closed = file, closed

    def __iter__(self) -> Iterator[bytes]:
        """Return the blocks."""
        return iter(lambda: self.file.read(BLOCK), b"")

    def close(self) -> None:
        """Close the file."""
        if not self.file.closed:
            self.file.close()
            self.closed()
