"""Reading of complete request bodies before Django runs, with limits on their size and on waiting threads.

A thread of a WSGI server waits for a body as long as the client takes. At most ``slots`` threads of a process do so, so
that clients which stop sending cannot block requests without a body.
"""

import io
import tempfile
import threading
from typing import Any, Protocol

from django.conf import settings

PIECE = 256 * 1024  # bytes that are read at a time
IN_MEMORY = 4 * 2**20  # bytes of a body; a larger one is written to a temporary file without a name
MAX_TOTAL = 256 * 2**20  # bytes of all bodies of a process at a time
MAX_DISCARDED = 256 * 2**20  # bytes that are read and discarded, so that a client which is still sending gets its 413


class Stream(Protocol):
    """``wsgi.input``."""

    def read(self, size: int, /) -> bytes: ...


class Body:
    """One complete body."""

    def __init__(self) -> None:
        self.size = 0  # bytes
        self.file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed by ``release``


class RequestBodies:
    """The bodies of a process that are being received or processed."""

    def __init__(self, slots: int) -> None:
        self.slots = threading.BoundedSemaphore(slots)
        self.lock = threading.Lock()
        self.total = 0  # bytes

    def receive(self, environ: dict[str, Any], body: Body) -> int:
        """Read the body of a request into ``body``, and replace ``wsgi.input``; return an error status, or 0.

        After an error, the application gets an empty body. The caller releases the body.
        """
        chunked = "HTTP_TRANSFER_ENCODING" in environ
        length = None if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        if length == 0:
            return 0
        if not self.slots.acquire(blocking=False):
            return 503
        try:
            error = self._receive(environ, length, body)
        finally:
            self.slots.release()
        if error:
            self.release(body)
        else:
            body.file.seek(0)
        environ["wsgi.input"] = io.BytesIO() if error else body.file
        environ["CONTENT_LENGTH"] = str(body.size)  # Django reads this many bytes; a chunked body has no length
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return error

    def release(self, body: Body) -> None:
        """Delete the body, and subtract it from the total."""
        body.file.close()
        with self.lock:
            self.total -= body.size
            body.size = 0

    def _receive(self, environ: dict[str, Any], length: int | None, body: Body) -> int:
        stream: Stream = environ["wsgi.input"]
        if (length or 0) > settings.BODY_MAX_BYTES:
            if environ.get("HTTP_EXPECT", "").lower() != "100-continue":  # such a client sends nothing before a reply
                _discard(stream, length or 0)
            return 413
        error = self._read(stream, length, body)
        if error == 413:
            _discard(stream)
        return error

    def _read(self, stream: Stream, length: int | None, body: Body) -> int:
        while length is None or body.size < length:
            piece = stream.read(PIECE if length is None else min(PIECE, length - body.size))
            if not piece:
                break
            if body.size + len(piece) > settings.BODY_MAX_BYTES:
                return 413
            if not self._add(piece, body):
                return 503
        return 400 if length is not None and body.size < length else 0

    def _add(self, piece: bytes, body: Body) -> bool:
        """Add a piece, or return ``False`` if the total would be too large."""
        with self.lock:
            if self.total + len(piece) > MAX_TOTAL:
                return False
            self.total += len(piece)
            body.size += len(piece)
        body.file.write(piece)
        return True


def _discard(stream: Stream, length: int = 0) -> None:
    """Read the rest of a body. Many clients send all of it before they read the response with the 413."""
    remaining = MAX_DISCARDED if length <= MAX_DISCARDED else 0
    while remaining > 0 and (piece := stream.read(PIECE)):
        remaining -= len(piece)
