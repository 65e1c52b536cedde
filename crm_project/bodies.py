"""Bodies: taken in whole, under a cap, a deadline and a least rate, before a thread is held for them."""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from contextlib import asynccontextmanager

from django.conf import settings
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

SLOWEST = 64 * 1024  # bytes a second a body must arrive with, on average, after BODY_TIMEOUT seconds of grace
SMALL = 16 * 1024  # bytes of a body that is waited for once, not chunk by chunk
REFUSED_GRACE = 1  # seconds that the next piece of one may take that is only awaited to be thrown away
MOST_HELD = 256 * 2**20  # bytes of bodies in one worker at a time
MOST_THROWN_AWAY = 2**30  # bytes read only so that a client still sending sees its 413
LAST_BODIES = 4  # seconds that bodies on their way have after SIGTERM


class Bodies:
    """Those of one worker that are on their way or not yet replied to."""

    def __init__(self) -> None:
        self.held = 0  # bytes
        self.arriving: set[asyncio.Timeout] = set()  # one for each on its way
        self.last_call = math.inf  # the loop's time when even the slowest must have come

    def hurry(self, now: float) -> None:
        """The server is to stop: wait no longer than ``LAST_BODIES`` from ``now`` on, the loop's time."""
        self.last_call = now + LAST_BODIES
        for limit in self.arriving:
            limit.reschedule(min(limit.when() or math.inf, self.last_call))

    async def take_in(
        self,
        exchange: AsyncIterable[bytes],
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
            self.drop(chunks)
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
            self.drop(chunks)
        else:
            self.held += len(chunk)
            chunks.append(chunk)
        return too_much

    def drop(self, chunks: list[bytes]) -> None:
        """Hold these no longer."""
        self.held -= sum(map(len, chunks))
        chunks.clear()


def content(body: "asyncio.Future[bytes] | None") -> tuple[bytes, int]:
    """A body that is there, and the status to refuse it with, or 0."""
    try:
        return (body.result() if body else b""), 0
    except ProtocolClosed as broken:  # it broke off
        broken.__traceback__ = None  # see _take_small
        return b"", 400
