"""The front of the server: whole requests in, whole replies out, so that a slow client never holds a Django thread.

granian (HTTP in Rust, one process a core) calls ``application`` on its event loop for each request. The body is awaited
(``bodies.py``) before one of ``THREADS`` threads runs Django on it, and the reply is complete before it is sent
(``replies.py``).
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm_project.settings")

from django.conf import settings

from crm_project import memory, shortcut
from crm_project.bodies import SMALL, Bodies, content
from crm_project.crew import Crew
from crm_project.database_url import longest_wait
from crm_project.environ import Headers, announced_length, readable, wsgi_environ
from crm_project.replies import Exchange, run_django, send
from crm_project.turns import READS, Turn, Turns
from crm_project.wsgi import look_after_one_database

LAST_WAIT = 6  # seconds that a request may wait for others after SIGTERM and its body; it must be done by serve's STOP
PROBES = frozenset(("/", "/health/live", "/health/ready"))  # answered also while every thread hangs in the database
TIDY_AFTER = 0.2  # seconds
SPARE = 2  # threads for those, and for refusals; made when they are first needed
AT_ONCE = Turn(0, None)
PR_SET_PDEATHSIG = 1  # prctl's name for "a signal when my parent dies"


class Server:
    """The RSGI application of one worker process."""

    def __init__(self) -> None:
        self.threads = Crew(settings.THREADS)
        self.spare = Crew(SPARE)
        self.made_in = os.getpid()  # the master process
        self.turns = Turns(settings.THREADS, longest_wait(settings.DATABASES["default"]))
        self.loop: asyncio.AbstractEventLoop
        self.bodies = Bodies()
        self.tidying = False  # whether the loop will give memory back

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
        """The server is to stop at ``now``, the loop's time: wait no longer than it can."""
        self.bodies.hurry(now)
        self.turns.longest = min(self.turns.longest, LAST_WAIT)

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
            reply = run_django(wsgi_environ(scope, headers, *content(body)), until)
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
                refused = await self.bodies.take_in(exchange, announced, chunks, whole) if announced != 0 else 0
            probe = scope.path in PROBES
            async with nullcontext(AT_ONCE) if probe else self.turns.turn(scope.method) as turn:
                environ = wsgi_environ(scope, headers, b"".join(chunks), refused or turn.refused)
                threads = self.spare if probe or turn.refused else self.threads
                reply = await threads.run(run_django, environ, turn.until)
        finally:
            self.bodies.drop(chunks)
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


def tell_systemd(state: bytes) -> None:
    """Tell a service manager that waits for it (``Type=notify``) how we are; see sd_notify(3)."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            manager.send(state)


application = Server()
