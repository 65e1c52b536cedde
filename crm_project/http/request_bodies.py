"""Request bodies: read whole before Django runs, under a size limit, in a bounded number of threads.

A WSGI server's thread waits for a body as long as the client takes. So no more than ``slots`` threads of a process wait
for bodies at a time, and clients that send half a body and stop never take the threads of requests without one.
"""

import io
import threading
from typing import Any, Protocol

from django.conf import settings

PIECE = 256 * 1024  # bytes that are read at a time
MAX_HELD = 256 * 2**20  # bytes of bodies in one process at a time
MAX_DISCARDED = 256 * 2**20  # bytes that are read only so that a client still sending sees its 413


class Stream(Protocol):
    """``wsgi.input``."""

    def read(self, size: int, /) -> bytes: ...


class RequestBodies:
    """Those of one process that are arriving or not yet replied to."""

    def __init__(self, slots: int) -> None:
        self.slots = threading.BoundedSemaphore(slots)
        self.lock = threading.Lock()
        self.held = 0  # bytes

    def receive(self, environ: dict[str, Any], pieces: list[bytes]) -> int:
        """Read the body of a request into ``pieces`` and put it in the place of ``wsgi.input``.

        Returns the status to refuse the request with (``pieces`` is empty then), or 0. The caller releases the pieces.
        """
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        announced = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        if announced == 0:
            return 0
        if not self.slots.acquire(blocking=False):
            return 503
        try:
            refused = self._receive(environ, announced, pieces)
        finally:
            self.slots.release()
        if refused:
            self.release(pieces)
        pieces[:] = [b"".join(pieces)]
        environ["wsgi.input"] = io.BytesIO(pieces[0])
        environ["CONTENT_LENGTH"] = str(len(pieces[0]))  # all that Django reads; a chunked body has none
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return refused

    def release(self, pieces: list[bytes]) -> None:
        """Count these bytes no longer."""
        with self.lock:
            self.held -= sum(map(len, pieces))
            pieces.clear()

    def _receive(self, environ: dict[str, Any], announced: int | None, pieces: list[bytes]) -> int:
        stream: Stream = environ["wsgi.input"]
        if (announced or 0) > settings.BODY_MAX_BYTES:
            if environ.get("HTTP_EXPECT", "").lower() != "100-continue":  # else it waits to hear that it is wanted
                _discard(stream, announced or 0)
            return 413
        refused = self._read(stream, announced, pieces)
        if refused == 413:
            _discard(stream)
        return refused

    def _read(self, stream: Stream, announced: int | None, pieces: list[bytes]) -> int:
        received = 0
        while announced is None or received < announced:
            piece = stream.read(PIECE if announced is None else min(PIECE, announced - received))
            if not piece:
                break
            received += len(piece)
            if received > settings.BODY_MAX_BYTES:
                return 413
            if not self._hold(piece, pieces):
                return 503
        return 400 if announced is not None and received < announced else 0

    def _hold(self, piece: bytes, pieces: list[bytes]) -> bool:
        with self.lock:
            fits = self.held + len(piece) <= MAX_HELD
            if fits:
                self.held += len(piece)
                pieces.append(piece)
        return fits


def _discard(stream: Stream, announced: int = 0) -> None:
    """Read a body of that length on: a client that sends it all before it looks for a reply would not see the 413."""
    left = MAX_DISCARDED if announced <= MAX_DISCARDED else 0
    while left > 0 and (piece := stream.read(PIECE)):
        left -= len(piece)
