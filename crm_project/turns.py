"""Writes may wait for the database, behind an import for one; reads must not wait for those writes.

Of a worker's threads one is never taken by a write. Who cannot have one of the others waits on the event loop, which
costs no thread, and is turned away after ``LONGEST`` seconds.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

READS = ("GET", "HEAD", "OPTIONS")
LONGEST = 10  # seconds; as long as a write then waits for the database's lock


class Turns:
    """The turns of one worker process with that many ``threads``."""

    def __init__(self, threads: int) -> None:
        self.writes = asyncio.Semaphore(max(1, threads - 1))

    @asynccontextmanager
    async def turn(self, method: str) -> AsyncGenerator[int]:
        """Around the work for one request: 0, or the status it is to be refused with, having waited too long."""
        if method in READS:
            yield 0
            return
        try:
            async with asyncio.timeout(LONGEST):
                await self.writes.acquire()
        except TimeoutError:
            yield 503
            return
        try:
            yield 0
        finally:
            self.writes.release()
