"""One deadline for all waits of a write: for its turn among the worker's threads, and for the database's locks."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from crm_project import bodies, replies, server
from crm_project.api.management.commands import serve
from crm_project.api.middleware import BODY_REFUSED
from crm_project.turns import Turns, deadline

LONGEST = 10


@pytest.fixture
def until() -> Iterator[Any]:
    """A function that gives this thread's request its deadline, ``seconds`` from now (``None``: none)."""

    def give(seconds: float | None) -> None:
        deadline.until = None if seconds is None else time.monotonic() + seconds

    yield give
    deadline.until = None


def patience() -> float:
    """Seconds that the database waits for a lock, as it says itself."""
    ask = "PRAGMA busy_timeout" if connection.vendor == "sqlite" else "SELECT setting FROM pg_settings WHERE name = %s"
    with connection.cursor() as cursor:
        cursor.execute(ask, None if connection.vendor == "sqlite" else ["statement_timeout"])
        return int(cursor.fetchone()[0]) / 1000


@pytest.mark.django_db
def test_the_database_waits_for_what_is_left(until: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 10000")
    until(LONGEST)  # the request had its turn at once
    assert patience() > LONGEST - 1
    until(3)
    assert 1 < patience() <= 3
    until(-1)
    assert patience() == (0 if connection.vendor == "sqlite" else 1)
    until(None)
    assert patience() in (LONGEST, 0)  # PostgreSQL: as the connection was made, by a command and so without a limit


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="is PostgreSQL's")
def test_patience_with_a_hung_server_is_as_much_shorter(until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "patience", 15)
    with connection.cursor():
        until(3)
    with connection.cursor():
        assert 7 < connection.connection.patience <= 8
    until(LONGEST)
    with connection.cursor():
        assert connection.connection.patience == 15
    connection.connection.patience = None


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="is PostgreSQL's")
@pytest.mark.parametrize("own", [0, 700])
def test_a_limit_of_the_url_is_not_raised(until: Any, own: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {own}")
    until(3)
    assert patience() == own / 1000


def test_what_waited_for_its_turn_has_less_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two writes, where one at a time may: its deadline is reckoned from when it came."""
    seen: list[float | None] = []

    async def both() -> float:
        loop = asyncio.get_running_loop()
        front = Turns(2, LONGEST)
        came, free = asyncio.Event(), asyncio.Event()

        async def first() -> None:
            async with front.turn("POST"):
                came.set()
                await free.wait()

        async def second() -> None:
            async with front.turn("POST") as turn:
                assert turn.refused == 0
                await loop.run_in_executor(None, replies.run_django, {}, turn.until)

        monkeypatch.setattr(replies, "_run_django", lambda _: seen.append(deadline.until))
        tasks = [asyncio.create_task(first())]
        await came.wait()
        tasks.append(asyncio.create_task(second()))
        await asyncio.sleep(0)  # it waits now
        released = time.monotonic()
        free.set()
        await asyncio.gather(*tasks)
        return released

    released = asyncio.run(both())
    assert seen[0] is not None
    assert seen[0] <= released + LONGEST


def test_what_waited_too_long_is_refused_and_takes_no_turn() -> None:
    async def crowd() -> list[int]:
        turns = Turns(2, 0.01)
        async with turns.turn("POST"), turns.turn("PATCH") as late, turns.turn("GET") as read:
            refused = [late.refused, read.refused]
        async with turns.turn("PUT") as after:
            return [*refused, after.refused]

    assert asyncio.run(crowd()) == [503, 0, 0]


@pytest.mark.parametrize(("left", "refused"), [(5, 0), (-1, 503), (None, 0)])
def test_what_gets_a_thread_too_late_is_refused(
    monkeypatch: pytest.MonkeyPatch, left: float | None, refused: int
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(replies, "_run_django", lambda environ: seen.append(environ[BODY_REFUSED]))
    replies.run_django({BODY_REFUSED: 0}, left and time.monotonic() + left)
    replies.run_django({BODY_REFUSED: 413}, left and time.monotonic() + left)
    assert seen == [refused, 413]
    deadline.until = None


def test_a_server_that_is_to_stop_has_no_time_to_wait_for_others() -> None:
    """What comes in at the last moment, and waits, is answered before the workers are killed."""

    async def last() -> float:
        front = server.Server()
        front.hurry(time.monotonic())
        async with front.turns.turn("POST") as turn:
            assert turn.until is not None
            left = turn.until - time.monotonic()
        front.threads.shutdown()
        return left

    assert bodies.LAST_BODIES + asyncio.run(last()) < serve.STOP
