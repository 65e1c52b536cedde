"""The WSGI middleware around Django, under whatever server: who may run when, and whole bodies and replies.

``THREADS`` requests of a process run at a time, each with at most one database connection. Others wait in their own
threads of the server, which costs nothing, and are a 503 when they have waited too long. Writes leave one of those
places to reads, which never wait behind writes that wait for the database. Health checks need no place.
"""

import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any, cast

from crm_project.db.deadline import deadline
from crm_project.http.middleware import BODY_REFUSED
from crm_project.http.request_bodies import RequestBodies

READS = ("GET", "HEAD", "OPTIONS")
HEALTH_CHECKS = frozenset(("/", "/health/live", "/health/ready"))
SERVER_THREADS = 128  # of one process, for requests that run or wait; ``manage.py serve`` starts as many when needed
BODY_SLOTS = 96  # of those, at most, for requests that wait for their bodies
REPLY_SLOTS = 16  # of those, at most, for large replies: each waits for its client, who may never read on
IN_MEMORY = 2**20  # bytes of a streamed reply; more goes through a file
BLOCK = 64 * 1024  # bytes of that file that are sent at a time

INTERNAL_ERROR = b'{"detail":"Internal Server Error"}'

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Any]
Places = threading.BoundedSemaphore


class Gateway:
    """``application``, with ``threads`` requests at a time; one waits ``longest`` seconds in all."""

    def __init__(self, application: Application, threads: int, longest: float) -> None:
        self.application, self.longest = application, longest
        self.places = Places(threads)
        self.write_places = Places(max(1, threads - 1))
        self.bodies = RequestBodies(BODY_SLOTS)
        self.large_replies = threading.BoundedSemaphore(REPLY_SLOTS)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The complete reply to one request."""
        pieces: list[bytes] = []
        try:
            refused = self.bodies.receive(environ, pieces)
            deadline.until = None
            if refused or environ["PATH_INFO"] in HEALTH_CHECKS:
                return self._run(environ, start_response, refused)
            deadline.until = time.monotonic() + self.longest
            needed = (self.places,) if environ["REQUEST_METHOD"] in READS else (self.write_places, self.places)
            return self._run_in_turn(environ, start_response, needed, deadline.until)
        finally:
            self.bodies.release(pieces)

    def _run_in_turn(
        self, environ: Environ, start_response: StartResponse, needed: Sequence[Places], until: float
    ) -> Iterable[bytes]:
        """Run the request once it has one of each of the ``needed`` places; refuse it where it waits too long."""
        if not needed:
            return self._run(environ, start_response)
        places, *others = needed
        if not places.acquire(timeout=max(0.0, until - time.monotonic())):
            return self._run(environ, start_response, 503)
        try:
            return self._run_in_turn(environ, start_response, others, until)
        finally:
            places.release()

    def _complete(self, chunks: Iterable[bytes]) -> Iterable[bytes] | None:
        """All of a stream, before any of it is sent: what fails halfway is an error, and a slow client keeps no place.

        The server's thread waits until the client has read a large reply. ``None`` where too many threads wait so.
        """
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  the server closes it when it has sent it
        try:
            for chunk in chunks:
                file.write(chunk)
            large = file.tell() > IN_MEMORY
            file.seek(0)
        except BaseException:
            file.close()
            raise
        if large and self.large_replies.acquire(blocking=False):
            return LargeReply(cast(IO[bytes], file), self.large_replies.release)
        with file:
            return None if large else [file.read()]

    def _run(self, environ: Environ, start_response: StartResponse, refused: int = 0) -> Iterable[bytes]:
        environ[BODY_REFUSED] = refused
        try:
            response = self.application(environ, start_response)
            try:
                complete = self._complete(response) if response.streaming else [b"".join(response)]
            finally:
                response.close()
            return complete or self._run(environ, _replacing(start_response), 503)
        except Exception:  # not caught by Django; the server's own line would quote the exception's message
            logger.exception("no_reply")
            start_response(
                "500 Internal Server Error", [("Content-Type", "application/json"), ("Server", "crm")], sys.exc_info()
            )
            return [INTERNAL_ERROR]


def _replacing(start_response: StartResponse) -> StartResponse:
    """Return a ``start_response`` whose call replaces an earlier one, as PEP 3333 has it with ``exc_info`` alone."""
    return lambda status, headers, exc_info=None: start_response(status, headers, exc_info or sys.exc_info())


class LargeReply:
    """A reply that is sent from a file, piece by piece; ``closed`` is called once, when that has ended."""

    def __init__(self, file: IO[bytes], closed: Callable[[], None]) -> None:
        self.file, self.closed = file, closed

    def __iter__(self) -> Iterator[bytes]:
        """Return the pieces."""
        return iter(lambda: self.file.read(BLOCK), b"")

    def close(self) -> None:
        """Close the file."""
        if not self.file.closed:
            self.file.close()
            self.closed()
