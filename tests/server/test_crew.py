"""The threads behind the event loop: few at a time, but nobody waits behind who is slow."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from crm_project import crew
from crm_project.crew import Crew


def with_crew(size: int, use: Callable[[Crew], Coroutine[Any, Any, Any]]) -> Any:
    team = Crew(size)
    try:
        return asyncio.run(use(team))
    finally:
        team.shutdown()


def test_it_works() -> None:
    async def use(team: Crew) -> list[int]:
        return list(await asyncio.gather(*(team.run(pow, 2, power) for power in range(20))))

    assert with_crew(3, use) == [2**power for power in range(20)]


def test_what_goes_wrong_is_raised_where_it_is_awaited() -> None:
    async def use(team: Crew) -> None:
        with pytest.raises(ZeroDivisionError):
            await team.run(divmod, 1, 0)
        assert await team.run(divmod, 7, 2) == (3, 1)

    with_crew(1, use)


def test_slow_work_holds_nobody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "AGE", 0.001)
    go_on = threading.Event()

    async def use(team: Crew) -> list[Any]:
        slow = [team.run(go_on.wait) for _ in range(3)]
        quick = [await team.run(abs, -1) for _ in range(5)]  # by the fourth thread
        assert not any(future.done() for future in slow)
        go_on.set()
        return quick + await asyncio.gather(*slow)

    assert with_crew(4, use) == [1] * 5 + [True] * 3


def test_only_few_begin_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "AGE", 3600)
    at_once, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        for number in range(1000):
            hash(number)
        with lock:
            at_once -= 1

    async def use(team: Crew) -> int:
        await asyncio.gather(*(team.run(work) for _ in range(200)))
        return len(team.threads)

    assert with_crew(4, use) == crew.YOUNG
    assert most <= crew.YOUNG


def test_no_more_than_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "AGE", 0)
    started, go_on = threading.Semaphore(0), threading.Event()

    def work() -> None:
        started.release()
        go_on.wait()

    async def use(team: Crew) -> int:
        jobs = [team.run(work) for _ in range(9)]
        for _ in range(3):
            await asyncio.to_thread(started.acquire)
        threads = len(team.threads)
        go_on.set()
        await asyncio.gather(*jobs)
        return threads

    assert with_crew(3, use) == 3


def test_who_no_longer_waits_costs_no_thread() -> None:
    go_on = threading.Event()

    async def use(team: Crew) -> int:
        job = team.run(go_on.wait)
        job.cancel()
        go_on.set()
        return await team.run(abs, -2)

    assert with_crew(1, use) == 2
