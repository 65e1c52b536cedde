"""Replies: Django run on one request, and what it streams finished first, so that readers may be slow.

What is larger than ``IN_MEMORY`` goes into an unnamed file that granian sends by itself (it would keep in memory all
that a client has not read), and a download that fails halfway is a 500, not a file that only looks complete.
"""

import asyncio
import logging
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import IO, Any, NamedTuple, Protocol, cast

from crm_project import memory
from crm_project.api.middleware import BODY_REFUSED
from crm_project.db.deadline import deadline
from crm_project.environ import Headers
from crm_project.logs import REQUEST_ID
from crm_project.wsgi import application as django

logger = logging.getLogger(__name__)

IN_MEMORY = 2**20  # bytes of a streamed reply
FILE_GRACE = 60  # seconds a large reply's file stays open here; granian has opened it for itself long before

SERVER: Headers = [("server", "crm")]  # granian would name itself
BROKEN = b'{"detail":"Internal Server Error"}'


class Exchange(Protocol):
    """granian's side of one request: its body in chunks or whole, and the ways to reply."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    def __call__(self) -> Awaitable[bytes]: ...
    def response_empty(self, status: int, headers: Headers) -> None: ...
    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None: ...
    def response_file(self, status: int, headers: Headers, file: str) -> None: ...


class Reply(NamedTuple):
    """Django's complete reply; ``content`` is an open file where it is large."""

    status: int
    headers: Headers
    content: bytes | IO[bytes]


def run_django(environ: dict[str, Any], until: float | None = None) -> Reply:
    """Django's reply to one request, complete; a 500 for what even its own handler did not catch. Runs in a thread."""
    deadline.until = until
    if until is not None and until < time.monotonic():  # all threads hung until now
        environ[BODY_REFUSED] = environ.get(BODY_REFUSED) or 503
    try:
        return _run_django(environ)
    except Exception:  # last stop before the client, whose connection granian would drop without a word
        request_id = environ.get(REQUEST_ID) or secrets.token_hex(8)
        logger.exception("no_reply", extra={"facts": {"request_id": request_id}})
        headers = [("content-type", "application/json"), ("x-request-id", request_id), *SERVER]
        return Reply(500, headers, BROKEN)


def _run_django(environ: dict[str, Any]) -> Reply:
    started: list[tuple[str, Headers]] = []
    response: Any = django(environ, lambda status, headers, exc_info=None: started.append((status, headers)))  # type: ignore[arg-type]
    try:
        content = _complete(response) if response.streaming else b"".join(response)
    finally:
        memory.let_go(response)
        response.close()  # sends request_finished, which cares for this thread's database connection
    status, headers = started[0]
    return Reply(int(status[:3]), headers + SERVER, content)


def _complete(chunks: Iterable[bytes]) -> bytes | IO[bytes]:
    """All of a stream: in memory while it is small, else in a file without a name, positioned at its start."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115  closed after granian has sent it
    try:
        for chunk in chunks:
            file.write(chunk)
        large = file.tell() > IN_MEMORY
        file.seek(0)
        if large:
            return cast(IO[bytes], file)
        content = file.read()
    except BaseException:
        file.close()
        raise
    file.close()
    return content


def send(exchange: Exchange, reply: Reply, loop: asyncio.AbstractEventLoop) -> None:
    """Hand the reply to granian, which sends it however slowly the client reads. ``loop`` closes a file afterwards."""
    status, headers, content = reply
    if not isinstance(content, bytes):
        exchange.response_file(status, headers, f"/dev/fd/{content.fileno()}")
        loop.call_soon_threadsafe(loop.call_later, FILE_GRACE, content.close)
    elif content:
        exchange.response_bytes(status, headers, content)
    else:
        exchange.response_empty(status, headers)
