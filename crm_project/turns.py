"""Requests may wait for the database; reads must not wait for writes that do, and nobody for longer than a request may.

Writes wait for SQLite behind an import, for one. Of a worker's threads one is never taken by a write; one that cannot
have one of the others waits on the event loop, which costs no thread, and is refused in time. Where all threads hang,
whoever gets one too late is refused by it. Those waits and the ones for the database have one deadline: the backends
(``crm_project/sqlite``, ``crm_project/postgresql``) wait no longer than it leaves them.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from typing import NamedTuple

READS = ("GET", "HEAD", "OPTIONS")


class Deadline(threading.local):
    """Until when the request that this thread works on may wait, by ``time.monotonic()``; ``None``: as others may."""

    until: float | None = None


deadline = Deadline()


class Turn(NamedTuple):
    """``refused`` is the status for a request that has waited too long, or 0; ``until`` is its deadline."""

    refused: int
    until: float | None


class Turns:
    """The turns of one worker process with that many ``threads``; a request waits ``longest`` seconds in all."""

    def __init__(self, threads: int, longest: float) -> None:
        self.writes = asyncio.Semaphore(max(1, threads - 1))
        self.longest = longest

    @asynccontextmanager
    async def turn(self, method: str) -> AsyncGenerator[Turn]:
        """Around the work for one request; one that is refused must not take a thread that a turn was for."""
        until = time.monotonic() + self.longest
        if method in READS:
            yield Turn(0, until)
            return
        try:
            async with asyncio.timeout(self.longest) if self.writes.locked() else nullcontext():
                await self.writes.acquire()
        except TimeoutError:
            yield Turn(503, until)
            return
        try:
            yield Turn(0, until)
        finally:
            self.writes.release()
