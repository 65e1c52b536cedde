"""Limits on failed logins with real servers: shared by all workers, and unchanged by a restart."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live import LiveServer, Reply, serving

pytestmark = pytest.mark.slow

GUESS = {"username": "zoe", "password": "wrong password"}


def guess(server: LiveServer, forwarded: str = "192.0.2.1") -> Reply:
    """Send a wrong password through a proxy on the same machine."""
    return server.send("POST", "/api/users/login", GUESS, {"X-Forwarded-For": forwarded})


def test_workers_count_together_and_a_restart_forgets_nothing() -> None:
    with serving(WORKERS="2", TRUSTED_PROXIES="127.0.0.1") as server:
        assert [guess(server).status for _ in range(6)] == [401] * 5 + [429]
        assert {guess(server).status for _ in range(10)} == {429}
        assert guess(server, "192.0.2.2").status == 401
        assert server.stop() == 0
        with serving(TRUSTED_PROXIES="127.0.0.1", DATABASE_URL=server.database_url) as again:
            reply = guess(again)
            assert reply.status == 429
            assert 0 < int(reply.headers["retry-after"]) <= 900


def test_of_many_guesses_at_once_no_more_are_checked_than_run_together() -> None:
    with serving(WORKERS="1", THREADS="4") as server, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: guess(server), range(32)))
    checked = [reply.status for reply in replies].count(401)
    assert 5 <= checked <= 4 + 4  # four that were counted, and as many as there are threads
    assert {reply.status for reply in replies} == {401, 429}


def test_a_forged_header_is_worth_nothing_where_no_proxy_is_named() -> None:
    with serving() as server:
        replies = [guess(server, f"192.0.2.{number}") for number in range(6)]
        assert [reply.status for reply in replies] == [401] * 5 + [429]
        server.stop()
        assert "is not in TRUSTED_PROXIES" in server.log.read_text()
