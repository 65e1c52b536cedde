"""Idle connections: many block no others, and too many are closed in time."""

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from tests.live import LiveServer, serving
from tests.server.wire import nothing_came

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux"),
    pytest.mark.any_database,
]

FILES = 400  # that a worker may open, so it takes 200 connections


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    """Yield a server with one worker that may open few files."""
    popen = subprocess.Popen

    def start(*args: Any, **how: Any) -> Any:
        return popen(*args, **how, preexec_fn=partial(resource.setrlimit, resource.RLIMIT_NOFILE, (FILES, FILES)))

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", start)
        running = serving(WORKERS="1")
        server = running.__enter__()
    try:
        yield server
    finally:
        running.__exit__(None, None, None)


def idle(server: LiveServer, stack: ExitStack, number: int) -> list[socket.socket]:
    """Open that many connections, half of them after a request."""
    connections = [stack.enter_context(server.connect()) for _ in range(number)]
    for connection in connections[::2]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return connections


def test_many_hinder_nobody(server: LiveServer) -> None:
    """More than the usual soft limit of open files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 4096:
        pytest.skip("this process may not open enough files itself")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        with ExitStack() as stack:
            silent = [stack.enter_context(server.connect()) for _ in range(2500)]
            assert server.send("GET", "/").status == 200
            assert nothing_came(silent[-1])  # they were there meanwhile
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_too_many_are_closed_in_time_for_others(small: LiveServer) -> None:
    """The worker accepts more connections only after the idle timeout of the first."""
    with ExitStack() as stack:
        connections = idle(small, stack, FILES * 5 // 8)
        assert small.send("GET", "/").status == 200
        ended = connections[1]
        assert ended.recv(1) == b""
    assert "Traceback" not in small.log.read_text()
    assert small.send("GET", "/").status == 200
