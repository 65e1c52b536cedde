"""Writes may wait for the database, behind an import for one; reads must not wait for those writes.

Of a worker's threads one is never taken by a write. Who cannot have one of the others waits on the event loop, which
costs no thread. That wait and those for the database's locks have one deadline: the backends (``crm_project/sqlite``,
``crm_project/postgresql``) wait no longer than it leaves them.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
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
    """The turns of one worker process with that many ``threads``; a write waits ``longest`` seconds in all."""

    def __init__(self, threads: int, longest: float) -> None:
        self.writes = asyncio.Semaphore(max(1, threads - 1))
        self.longest = longest

    @asynccontextmanager
    async def turn(self, method: str) -> AsyncGenerator[Turn]:
        """Around the work for one request."""
        if method in READS:
            yield Turn(0, None)
            return
        until = time.monotonic() + self.longest
        try:
            async with asyncio.timeout(self.longest):
                await self.writes.acquire()
        except TimeoutError:
            yield Turn(503, until)
            return
        try:
            yield Turn(0, until)
        finally:
            self.writes.release()
