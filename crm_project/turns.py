"""Requests may wait for the database; reads must not wait for writes that do, and nobody for longer than a request may.

Writes wait for SQLite behind an import, for one. Of a worker's threads one is never taken by a write; one that cannot
have one of the others waits on the event loop, which costs no thread, and is refused in time. Where all threads hang,
whoever gets one too late is refused by it. Those waits and the ones for the database have one deadline: the backends
(``crm_project/sqlite``, ``crm_project/postgresql``) wait no longer than it leaves them.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

READS = ("GET", "HEAD", "OPTIONS")


class Turn(NamedTuple):
    """``refused`` is the status for a request that has waited too long, or 0; ``until`` is its deadline."""

    refused: int
    until: float | None


class Turns:
    """The turns of one worker process with that many ``threads``; a request waits ``longest`` seconds in all.

    A write may take its turn, and end it, in any thread; it waits for one on an event loop alone.
    """

    def __init__(self, threads: int, longest: float) -> None:
        self.longest = longest
        self.lock = threading.Lock()  # for what follows
        self.free = max(1, threads - 1)
        self.waiting: deque[asyncio.Future[None]] = deque()

    def begin(self) -> bool:
        """Take a turn to write, if there is one that nobody waits for; it is to be ended."""
        with self.lock:
            return self._take()

    def end(self) -> None:
        """Whoever has waited longest is next."""
        with self.lock:
            if not self.waiting:
                self.free += 1
                return
            heir = self.waiting.popleft()
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            heir.get_loop().call_soon_threadsafe(_call_on, heir)

    @asynccontextmanager
    async def turn(self, method: str) -> AsyncGenerator[Turn]:
        """Around the work for one request; one that is refused must not take a thread that a turn was for."""
        until = time.monotonic() + self.longest
        if method in READS:
            yield Turn(0, until)
            return
        try:
            await self._wait()
        except TimeoutError:
            yield Turn(503, until)
            return
        try:
            yield Turn(0, until)
        finally:
            self.end()

    def _take(self) -> bool:
        if not self.free or self.waiting:
            return False
        self.free -= 1
        return True

    async def _wait(self) -> None:
        future = asyncio.get_running_loop().create_future()
        with self.lock:
            if self._take():
                return
            self.waiting.append(future)
        try:
            async with asyncio.timeout(self.longest):
                await future
        except BaseException:
            with self.lock:
                given = future not in self.waiting
                if not given:
                    self.waiting.remove(future)
            if given:  # in the same moment
                self.end()
            raise


def _call_on(heir: "asyncio.Future[None]") -> None:
    if not heir.done():
        heir.set_result(None)
