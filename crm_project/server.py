"""The front of the server: whole requests in, whole replies out, so that a slow client never holds a Django thread.

granian (HTTP in Rust, one process a core) calls ``application`` on its event loop for each request. The body is awaited
here, under a cap and a least rate, before one of ``THREADS`` threads runs Django on it. What Django streams is finished
first too, beyond ``IN_MEMORY`` in an unnamed file that granian sends by itself: readers may be slow (granian would keep
in memory all they have not read), and a download that fails halfway is a 500, not a file that only looks complete.
"""

import asyncio
import ctypes
import logging
import math
import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, nullcontext
from typing import IO, Any, NamedTuple, Protocol, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

from django.conf import settings
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from crm_project import memory, shortcut
from crm_project.api.middleware import BODY_REFUSED
from crm_project.crew import Crew
from crm_project.database_url import longest_wait
from crm_project.environ import Headers, announced_length, readable, wsgi_environ
from crm_project.logs import REQUEST_ID
from crm_project.turns import READS, Turn, Turns, deadline
from crm_project.wsgi import application as django
from crm_project.wsgi import look_after_one_database

logger = logging.getLogger(__name__)

SLOWEST = 64 * 1024  # bytes a second a body must arrive with, on average, after BODY_TIMEOUT seconds of grace
SMALL = 16 * 1024  # bytes of a body that is waited for once, not chunk by chunk
REFUSED_GRACE = 1  # seconds that the next piece of one may take that is only awaited to be thrown away
MOST_HELD = 256 * 2**20  # bytes of bodies in one worker at a time
MOST_THROWN_AWAY = 2**30  # bytes read only so that a client still sending sees its 413
IN_MEMORY = 2**20  # bytes of a streamed reply
LAST_BODIES = 4  # seconds that bodies on their way have after SIGTERM
LAST_WAIT = 6  # seconds that what they ask for may then wait for others; it must be done by serve's STOP
PROBES = frozenset(("/", "/health/live", "/health/ready"))  # answered also while every thread hangs in the database
TIDY_AFTER = 0.2  # seconds
SPARE = 2  # threads for those, and for refusals; made when they are first needed
AT_ONCE = Turn(0, None)
FILE_GRACE = 60  # seconds a large reply's file stays open here; granian has opened it for itself long before
PR_SET_PDEATHSIG = 1  # prctl's name for "a signal when my parent dies"

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


class Server:
    """The RSGI application of one worker process."""

    def __init__(self) -> None:
        self.threads = Crew(settings.THREADS)
        self.spare = Crew(SPARE)
        self.made_in = os.getpid()  # the master process
        self.turns = Turns(settings.THREADS, longest_wait(settings.DATABASES["default"]))
        self.loop: asyncio.AbstractEventLoop
        self.held = 0  # bytes of bodies taken in and not yet replied to
        self.arriving: set[asyncio.Timeout] = set()  # one for each body on its way
        self.tidying = False  # whether the loop will give memory back
        self.last_call = math.inf  # the loop's time when even the slowest body must have come

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """In each new worker: end with the master process even if that is killed, so that the port is free again."""
        if sys.platform == "linux":
            # Not SIGTERM: without a master nobody would see to it that a worker which hangs at its end, perhaps with
            # SQLite's lock, does end.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if self.made_in not in (os.getpid(), os.getppid()):  # the master died before that
                os._exit(1)
        memory.hold_little()
        look_after_one_database()
        # granian's own handlers hang on the loop, which hears of a signal whatever is called here.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.hurry, loop.time()))
            signal.siginterrupt(number, False)
        self.loop = self.threads.loop = loop
        shortcut.hand_over(self.take)
        tell_systemd(b"READY=1")

    def hurry(self, now: float) -> None:
        """The server is to stop: wait for bodies no longer than ``LAST_BODIES`` from ``now`` on, the loop's time."""
        self.last_call = now + LAST_BODIES
        self.turns.longest = min(self.turns.longest, LAST_WAIT)
        for limit in self.arriving:
            limit.reschedule(min(limit.when() or math.inf, self.last_call))

    def take(self, watcher: shortcut.Watcher) -> bool:
        """Serve a request without the loop, if it is one that it can be done for; granian's thread calls this.

        It is one where as a rule nothing is to be awaited; what comes with a body has a small one.
        """
        scope = watcher.scope
        if scope.path in PROBES:
            return False
        headers = readable(scope.headers)
        announced = announced_length(headers)
        reads = scope.method in READS
        if announced is None or announced > (0 if reads else min(SMALL, settings.BODY_MAX_BYTES)):
            return False
        until = time.monotonic() + self.turns.longest
        body = watcher.proto() if announced else None
        self.threads.do(self._serve, watcher, scope, headers, until, body)
        return True

    def _serve(
        self,
        watcher: shortcut.Watcher,
        scope: Any,
        headers: Headers,
        until: float,
        body: "asyncio.Future[bytes] | None",
    ) -> None:
        begun = False
        try:
            begun = (not body or shortcut.is_there(body)) and (scope.method in READS or self.turns.begin())
            if not begun:
                self.loop.call_soon_threadsafe(self._await, watcher, scope, headers, body)
                return
            reply = run_django(wsgi_environ(scope, headers, *_content(body)), until)
            send(watcher.proto, reply, self.loop)
            if isinstance(reply.content, bytes) and len(reply.content) > memory.LARGE_REPLY:
                self.tidy_soon()
        except BaseException as error:  # granian makes it a 500, and logs it
            watcher.err(error)
        else:
            watcher.done()
        finally:
            if begun and scope.method not in READS:
                self.turns.end()

    def _await(self, watcher: shortcut.Watcher, scope: Any, headers: Headers, body: Awaitable[bytes] | None) -> None:
        """Go on, on the loop, with a request whose body or turn is not there."""
        task = self.loop.create_task(self._late(watcher, scope, headers, body))
        watcher.taskref(task)  # granian ends it with the connection

    async def _late(
        self, watcher: shortcut.Watcher, scope: Any, headers: Headers, body: Awaitable[bytes] | None
    ) -> None:
        async def arriving() -> bytes:
            return await body if body else b""

        try:
            await self._reply(scope, watcher.proto, headers, arriving)
        except BaseException as error:
            watcher.err(error)
        else:
            watcher.done()

    async def __rsgi__(self, scope: Any, exchange: Exchange) -> None:
        """Serve one request."""
        await self._reply(scope, exchange, readable(scope.headers), exchange)

    async def _reply(
        self, scope: Any, exchange: Exchange, headers: Headers, whole: Callable[[], Awaitable[bytes]]
    ) -> None:
        """Serve it; ``whole`` reads a small body."""
        announced = announced_length(headers)
        chunks: list[bytes] = []
        try:
            if (announced or 0) > settings.BODY_MAX_BYTES and ("expect", "100-continue") in headers:
                refused = 413  # unread, and so unsent: the client waits to hear that it is wanted
            else:
                refused = await self.take_in(exchange, announced, chunks, whole) if announced != 0 else 0
            probe = scope.path in PROBES
            async with nullcontext(AT_ONCE) if probe else self.turns.turn(scope.method) as turn:
                environ = wsgi_environ(scope, headers, b"".join(chunks), refused or turn.refused)
                threads = self.spare if probe or turn.refused else self.threads
                reply = await threads.run(run_django, environ, turn.until)
        finally:
            self._drop(chunks)
        send(exchange, reply, asyncio.get_running_loop())
        if announced is None or announced > memory.LARGE:
            self.threads.run(memory.give_back)

    def tidy_soon(self) -> None:
        """Give memory back in a moment, once for all the large replies until then. Any thread may call this."""
        if not self.tidying:
            self.tidying = True
            self.loop.call_soon_threadsafe(self.loop.call_later, TIDY_AFTER, self._tidy)

    def _tidy(self) -> None:
        self.tidying = False
        self.threads.run(memory.give_back)

    async def take_in(
        self,
        exchange: Exchange,
        announced: int | None,
        chunks: list[bytes],
        whole: Callable[[], Awaitable[bytes]],
    ) -> int:
        """Read a whole body into ``chunks``; the status to refuse it with (``chunks`` is empty then), or 0.

        ``announced`` is its length in bytes, ``None`` where only its end tells; ``whole`` reads it if it is small.
        """
        if announced is not None and announced <= min(SMALL, settings.BODY_MAX_BYTES):
            return await self._take_small(whole, chunks)
        received = empty = 0
        refused = 413 if (announced or 0) > settings.BODY_MAX_BYTES else 0
        loop = asyncio.get_running_loop()
        grace = min(REFUSED_GRACE, settings.BODY_TIMEOUT) if refused else settings.BODY_TIMEOUT
        latest = loop.time() + grace
        try:
            async with self._limited(latest) as limit:
                async for chunk in exchange:
                    received += len(chunk)
                    empty += not chunk
                    silent = loop.time() + grace if refused else math.inf
                    limit.reschedule(min(latest + received / SLOWEST, silent, self.last_call))
                    refused = refused or self._keep(chunk, received, chunks)
                    if received > MOST_THROWN_AWAY:
                        break
        except TimeoutError:
            refused = refused or 408
        # granian ends a body with one empty chunk, and with two where it is malformed or breaks off (or has trailers).
        if not refused and (empty > 1 if announced is None else received < announced):
            refused = 400
        if refused:
            self._drop(chunks)
        return refused

    async def _take_small(self, whole: Callable[[], Awaitable[bytes]], chunks: list[bytes]) -> int:
        try:
            async with self._limited(asyncio.get_running_loop().time() + settings.BODY_TIMEOUT):
                body = await whole()
        except TimeoutError:
            return 408
        except ProtocolClosed as broken:  # it broke off
            broken.__traceback__ = None  # or granian's future, which has it, would be kept by it for good
            return 400
        return self._keep(body, len(body), chunks)

    @asynccontextmanager
    async def _limited(self, latest: float) -> AsyncGenerator[asyncio.Timeout]:
        """A time limit at ``latest``, or sooner where the server is to stop."""
        async with asyncio.timeout_at(min(latest, self.last_call)) as limit:
            self.arriving.add(limit)
            try:
                yield limit
            finally:
                self.arriving.discard(limit)

    def _keep(self, chunk: bytes, received: int, chunks: list[bytes]) -> int:
        """Hold one more chunk; the status to refuse the body with where that is too much, or 0."""
        too_much = 413 if received > settings.BODY_MAX_BYTES else 503 if self.held + len(chunk) > MOST_HELD else 0
        if too_much:
            self._drop(chunks)
        else:
            self.held += len(chunk)
            chunks.append(chunk)
        return too_much

    def _drop(self, chunks: list[bytes]) -> None:
        self.held -= sum(map(len, chunks))
        chunks.clear()


def _content(body: "asyncio.Future[bytes] | None") -> tuple[bytes, int]:
    """A body that is there, and the status to refuse it with, or 0."""
    try:
        return (body.result() if body else b""), 0
    except ProtocolClosed as broken:  # it broke off
        broken.__traceback__ = None  # see _take_small
        return b"", 400


def tell_systemd(state: bytes) -> None:
    """Tell a service manager that waits for it (``Type=notify``) how we are; see sd_notify(3)."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            manager.send(state)


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


application = Server()
