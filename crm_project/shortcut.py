"""The way around the event loop: granian hands a request straight to whoever takes it.

granian wakes the loop for each request, which makes a task, wakes a thread of ours, and is woken for the reply. For a
request without a body the loop has nothing to await, and those wakings take a sixth of all the work for it. A small
body comes with its request, as a rule, and is there as soon as somebody looks. What hands requests to the loop is a
function inside granian's package, which nothing documents: another granian may not have it, and all requests take the
usual way then.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from granian import _futures as granian

NAME = "_cbsched_aioschedule"  # makes, for a loop and a callback, the function that is called with each request
PATIENCE, GLANCE = 0.001, 0.00005  # seconds that a body is waited for without the loop, and between two looks

Watcher = Any  # granian's, of one request: its ``scope`` and ``proto``, ``done`` to be called at its end, or ``err``


def hand_over(take: Callable[[Watcher], bool]) -> bool:
    """Have each new request offered to ``take``, in whatever thread it comes, which says whether it took it.

    To be called in the worker, before granian serves. Says whether there is such a way.
    """
    usual = getattr(granian, NAME, None)
    if usual is None:
        return False

    def schedule_with(loop: asyncio.AbstractEventLoop, context: Any, callback: Any) -> Callable[[Watcher], None]:
        to_the_loop = usual(loop, context, callback)

        def schedule(watcher: Watcher) -> None:
            if not take(watcher):
                to_the_loop(watcher)

        return schedule

    setattr(granian, NAME, schedule_with)
    return True


def is_there(body: "asyncio.Future[bytes]") -> bool:
    """Whether a body has come (or broken off), which takes granian a moment even where it came with the request."""
    until = time.monotonic() + PATIENCE
    while not body.done():
        if time.monotonic() > until:
            return False
        time.sleep(GLANCE)
    return True
