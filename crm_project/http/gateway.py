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
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import Any
from wsgiref.util import FileWrapper

from crm_project.api.middleware import BODY_REFUSED
from crm_project.db.deadline import deadline
from crm_project.http.request_bodies import RequestBodies

READS = ("GET", "HEAD", "OPTIONS")
HEALTH_CHECKS = frozenset(("/", "/health/live", "/health/ready"))
SERVER_THREADS = 128  # of one process, for requests that run or wait; ``manage.py serve`` starts as many when needed
BODY_SLOTS = 96  # of those, at most, for requests that wait for their bodies
IN_MEMORY = 2**20  # bytes of a streamed reply; more goes through a file
BLOCK = 64 * 1024  # bytes of that file that are sent at a time

INTERNAL_ERROR = b'{"detail":"Internal Server Error"}'

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Any]


class Gateway:
    """``application``, with ``threads`` requests at a time; one waits ``longest`` seconds in all."""

    def __init__(self, application: Application, threads: int, longest: float) -> None:
        self.application, self.longest = application, longest
        self.places = threading.BoundedSemaphore(threads)
        self.write_places = threading.BoundedSemaphore(max(1, threads - 1))
        self.bodies = RequestBodies(BODY_SLOTS)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The complete reply to one request."""
        pieces: list[bytes] = []
        try:
            refused = self.bodies.receive(environ, pieces)
            deadline.until = None
            if refused or environ["PATH_INFO"] in HEALTH_CHECKS:
                return self._run(environ, start_response, refused)
            deadline.until = time.monotonic() + self.longest
            with self._place(environ["REQUEST_METHOD"], deadline.until) as in_time:
                return self._run(environ, start_response, 0 if in_time else 503)
        finally:
            self.bodies.release(pieces)

    @contextmanager
    def _place(self, method: str, until: float) -> Generator[bool]:
        with ExitStack() as taken:
            for places in (self.places,) if method in READS else (self.write_places, self.places):
                if not places.acquire(timeout=max(0.0, until - time.monotonic())):
                    yield False
                    return
                taken.callback(places.release)
            yield True

    def _run(self, environ: Environ, start_response: StartResponse, refused: int) -> Iterable[bytes]:
        environ[BODY_REFUSED] = refused
        try:
            response = self.application(environ, start_response)
            try:
                return _complete(response) if response.streaming else [b"".join(response)]
            finally:
                response.close()
        except Exception:  # not caught by Django; the server's own line would quote the exception's message
            logger.exception("no_reply")
            start_response(
                "500 Internal Server Error", [("Content-Type", "application/json"), ("Server", "crm")], sys.exc_info()
            )
            return [INTERNAL_ERROR]


def _complete(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """All of a stream, before any of it is sent: a slow client keeps no place, and what fails halfway is an error."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  the server closes it when it has sent it
    try:
        for chunk in chunks:
            file.write(chunk)
        large = file.tell() > IN_MEMORY
        file.seek(0)
    except BaseException:
        file.close()
        raise
    if large:
        return FileWrapper(file, BLOCK)
    with file:
        return [file.read()]
