"""The threads that run Django for the event loop, and how many of them at a time.

Python runs one thread at a time, so requests that are done in a millisecond are done soonest by few threads: four that
take turns cost each request a third more than two. Two are not enough once some wait long for the database, or compute
for long: what has taken ``AGE`` already holds back nobody.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple

YOUNG = 2  # jobs that have only just begun, at a time
AGE = 0.02  # seconds


class Job(NamedTuple):
    """Something to do, and who waits for it."""

    future: asyncio.Future[Any]
    work: Callable[..., Any]
    given: tuple[Any, ...]


Inbox = SimpleQueue[Job | None]  # of one thread


class Crew:
    """Up to ``size`` threads of one event loop, on which alone its methods are called.

    Work goes to whoever was busy last, whose data is still in the processor's caches. A thread is started when all
    others are busy, since each keeps a database connection.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.threads: list[threading.Thread] = []
        self.idle: list[Inbox] = []
        self.busy: dict[Inbox, float] = {}  # since when, by the loop's time
        self.waiting: deque[Job] = deque()
        self.look_again: asyncio.TimerHandle | None = None

    def run(self, work: Callable[..., Any], *given: Any) -> asyncio.Future[Any]:
        """What ``work`` returns or raises, once a thread has had time for it."""
        loop = asyncio.get_running_loop()
        job = Job(loop.create_future(), work, given)
        self.waiting.append(job)
        self._hand_over(loop)
        return job.future

    def shutdown(self) -> None:
        """Let the threads end; none of them is busy any more."""
        for inbox in self.idle:
            inbox.put(None)
        for thread in self.threads:
            thread.join()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give threads as much as they may begin now; where something is left, look again when the others are older."""
        now = loop.time()
        while self.waiting and len(self.busy) < self.size and self._young(now) < YOUNG:
            inbox = self.idle.pop() if self.idle else self._start_thread(loop)
            self.busy[inbox] = now
            inbox.put(self.waiting.popleft())
        if self.waiting and self.look_again is None:
            self.look_again = loop.call_later(AGE, self._grown_older, loop)

    def _young(self, now: float) -> int:
        return sum(now - begun < AGE for begun in self.busy.values())

    def _grown_older(self, loop: asyncio.AbstractEventLoop) -> None:
        self.look_again = None
        self._hand_over(loop)

    def _start_thread(self, loop: asyncio.AbstractEventLoop) -> Inbox:
        inbox: Inbox = SimpleQueue()
        # A daemon, because whoever ends the server has waited for what is to be finished.
        thread = threading.Thread(target=self._work, args=(loop, inbox), daemon=True)
        self.threads.append(thread)
        thread.start()
        return inbox

    def _work(self, loop: asyncio.AbstractEventLoop, inbox: Inbox) -> None:
        while job := inbox.get():
            result = error = None
            try:
                result = job.work(*job.given)
            except BaseException as raised:  # it is raised where the result is awaited
                error = raised
            try:
                loop.call_soon_threadsafe(self._finish, loop, inbox, job.future, result, error)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return
            del job, result, error  # not to be kept until the next job comes

    def _finish(
        self,
        loop: asyncio.AbstractEventLoop,
        inbox: Inbox,
        future: asyncio.Future[Any],
        result: Any,
        error: BaseException | None,
    ) -> None:
        del self.busy[inbox]
        self.idle.append(inbox)
        self._hand_over(loop)
        if future.done():  # cancelled: nobody waits for it
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
