"""The threads that run Django, and how many of them at a time.

Python runs one thread at a time, so requests that are done in a millisecond are done soonest by few threads: four that
take turns cost each request a third more than two. Two are not enough once some wait long for the database, or compute
for long: what has taken ``AGE`` already holds back nobody.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

YOUNG = 2  # jobs that have only just begun, at a time
AGE = 0.02  # seconds

Job = tuple[Callable[..., None], tuple[Any, ...]]  # something to do, and with what
Inbox = SimpleQueue[Job | None]  # of one thread


class Crew:
    """Up to ``size`` threads, for whatever thread has work; ``loop``, an event loop, keeps the time for them.

    Work goes to whoever was busy last, whose data is still in the processor's caches. A thread is started when all
    others are busy, since each keeps a database connection.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.loop: asyncio.AbstractEventLoop | None = None
        self.threads: list[threading.Thread] = []
        self.lock = threading.Lock()  # for all that follows
        self.idle: list[Inbox] = []
        self.busy: dict[Inbox, float] = {}  # since when, by ``time.monotonic()``
        self.waiting: deque[Job] = deque()
        self.ended = False
        self.looking = False  # whether the loop will look again, when threads have become older

    def do(self, work: Callable[..., None], *given: Any) -> None:
        """Have it done as soon as a thread may begin it. What comes of it, ``work`` tells itself; it raises nothing."""
        with self.lock:
            self.waiting.append((work, given))
            self._hand_over()

    def run(self, work: Callable[..., Any], *given: Any) -> asyncio.Future[Any]:
        """What ``work`` returns or raises, for a coroutine to await."""
        self.loop = loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self.do(_work_for, loop, future, work, given)
        return future

    def shutdown(self) -> None:
        """Let the threads end, each when it is done."""
        with self.lock:
            self.ended = True
            for inbox in self.idle:
                inbox.put(None)
        for thread in self.threads:
            thread.join()

    def _hand_over(self) -> None:
        """Give threads as much as they may begin now; where something is left, look again when the others are older."""
        now = time.monotonic()
        while self.waiting and self._may_begin(now):
            inbox = self.idle.pop() if self.idle else self._start_thread()
            self.busy[inbox] = now
            inbox.put(self.waiting.popleft())
        if self.waiting and not self.looking and self.loop:
            self.looking = True
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self.loop.call_soon_threadsafe(self.loop.call_later, AGE, self._look_again)

    def _may_begin(self, now: float) -> bool:
        busy = len(self.busy)
        return busy < self.size and (busy < YOUNG or sum(now - begun < AGE for begun in self.busy.values()) < YOUNG)

    def _look_again(self) -> None:
        with self.lock:
            self.looking = False
            self._hand_over()

    def _start_thread(self) -> Inbox:
        inbox: Inbox = SimpleQueue()
        # A daemon, because whoever ends the server has waited for what is to be finished.
        thread = threading.Thread(target=self._work, args=(inbox,), daemon=True)
        self.threads.append(thread)
        thread.start()
        return inbox

    def _work(self, inbox: Inbox) -> None:
        job = inbox.get()
        while job:
            work, given = job
            work(*given)
            del job, work, given  # not to be kept until the next one comes
            job = self._next(inbox) or inbox.get()

    def _next(self, inbox: Inbox) -> Job | None:
        """What this thread, which is done with its job, may go on with at once."""
        with self.lock:
            del self.busy[inbox]
            now = time.monotonic()
            if self.waiting and self._may_begin(now):
                self.busy[inbox] = now
                return self.waiting.popleft()
            inbox.put(None) if self.ended else self.idle.append(inbox)
            return None


def _work_for(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    work: Callable[..., Any],
    given: tuple[Any, ...],
) -> None:
    result = error = None
    try:
        result = work(*given)
    except BaseException as raised:  # it is raised where the result is awaited
        error = raised
    with suppress(RuntimeError):  # the loop was closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():  # cancelled: nobody waits for it
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
