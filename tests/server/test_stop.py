"""Stopping a server: running requests are completed, and the port is free."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live import LiveServer, serving
from tests.server.wire import last_reply, post_head

linux = pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")


def workers(server: LiveServer) -> set[int]:
    """Return the process ids of a server's workers."""
    pid = server.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def eventually(condition: Callable[[], bool]) -> bool:
    """Return whether ``condition`` becomes true within 20 seconds."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def answers(server: LiveServer) -> bool:
    """Return whether a process listens on the port."""
    try:
        server.connect().close()
    except ConnectionError:
        return False
    return True


def test_sigterm_finishes_the_request_under_way_and_exits_0() -> None:
    body = b'{"username": "nobody", "password": "wrong"}'
    with serving() as server, server.connect() as connection:
        connection.sendall(post_head("/api/users/login", f"Content-Length: {len(body)}") + body[:10])
        assert server.send("GET", "/").status == 200  # the other connection has been accepted by now
        server.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: not answers(server))
        connection.sendall(body[10:])
        reply = last_reply(connection)
        assert (reply.status, reply.json()) == (401, {"detail": "Incorrect username or password"})
        assert server.process.wait(20) == 0


@linux
def test_a_worker_that_exits_at_the_same_time_does_not_start_the_server_again() -> None:
    """As when SIGTERM goes to all processes of the service while a worker starts."""
    with serving(WORKERS="2") as server:
        server.process.send_signal(signal.SIGSTOP)
        os.kill(min(workers(server)), signal.SIGKILL)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        assert server.process.wait(20) == 0


def test_a_server_that_drains_serves_and_is_not_ready() -> None:
    with serving(DRAIN_SECONDS="300", WORKERS="2") as server:
        server.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: server.send("GET", "/health/ready").status == 503)
        for _ in range(8):  # each worker
            assert server.send("GET", "/health/ready").json() == {"detail": "The server is stopping"}
            assert server.send("GET", "/api/leads").status == 401
        assert server.stop() == 0  # the second signal does not wait


@pytest.mark.any_database
def test_sigterm_does_not_wait_for_ever_for_bodies_that_never_come() -> None:
    """Connections are closed after the stop timeout, which docs/deploy.md states."""
    with serving(WORKERS="1") as server, server.connect() as connection:
        connection.sendall(post_head("/api/users/login", "Content-Length: 50") + b"{")
        assert server.send("GET", "/").status == 200
        assert server.stop() == 0
        with suppress(ConnectionError):
            assert connection.recv(1) == b""


def test_sigint_ends_it_quietly() -> None:
    with serving() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log.read_text()


@linux
def test_no_worker_outlives_a_killed_master() -> None:
    with serving(WORKERS="2") as server:
        assert eventually(lambda: len(workers(server)) == 2)
        assert server.send("GET", "/").status == 200
        server.process.kill()
        server.process.wait()
        assert eventually(lambda: not answers(server))
