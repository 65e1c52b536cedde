"""Two servers on two ports behind nginx, restarted in turn under load.

The test does what systemd does with the unit in ``docs/deploy.md``.
"""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.factories import lead_row
from tests.live import MAX_START, MAX_STOP, PROJECT, LiveServer, end, environment, free_port, migrated_database
from tests.nginx import PROGRAM, nginx

CLIENTS = 4

pytestmark = pytest.mark.skipif(sys.platform != "linux" or PROGRAM is None, reason="needs nginx and Linux")


class Manager:
    """A service manager like systemd: starts servers on different ports, and is notified when they are ready."""

    def __init__(self, folder: Path, database_url: str, stack: ExitStack) -> None:
        self.notified = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.notified.bind(str(folder / "notify"))
        self.notified.settimeout(MAX_START)
        self.env = environment(DATABASE_URL=database_url, WORKERS="1", NOTIFY_SOCKET=str(folder / "notify"))
        self.log = folder / "log"
        self.stack = stack

    def start(self, port: int) -> subprocess.Popen[bytes]:
        """Start a server and return it when it is ready."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=PROJECT,
                env={**self.env, "PORT": str(port)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.stack.callback(end, process)
        try:
            assert self.notified.recv(100) == b"READY=1"
        except TimeoutError:
            raise AssertionError(self.log.read_text()) from None
        return process

    def restart(self, process: subprocess.Popen[bytes], port: int) -> subprocess.Popen[bytes]:
        """Stop one and start another in its place."""
        process.send_signal(signal.SIGTERM)
        assert process.wait(MAX_STOP) == 0
        return self.start(port)


class Load:
    """Clients that create and list leads, each request on a new connection, until they are stopped."""

    def __init__(self, port: int, token: dict[str, str]) -> None:
        self.port, self.token = port, token
        self.over = threading.Event()
        self.created, self.listed, self.failures = 0, 0, [""][:0]
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work) for _ in range(CLIENTS)]

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def work(self) -> None:
        """One client."""
        while not self.over.is_set():
            self.count("POST", 201, json.dumps(lead_row()))
            self.count("GET", 200, None)

    def count(self, method: str, wanted: int, body: str | None) -> None:
        """Send a request and record its result."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, "/api/leads", body, {"Content-Type": "application/json", **self.token})
            reply = connection.getresponse()
            text = reply.read()
            failure = "" if reply.status == wanted else f"{method}: {reply.status} {text[:200]!r}"
        except (OSError, http.client.HTTPException) as error:
            failure = f"{method}: {error!r}"
        finally:
            connection.close()
        with self.lock:
            self.created += not failure and method == "POST"
            self.listed += not failure and method == "GET"
            self.failures += [failure] if failure else []

    def go_on(self) -> None:
        """Return when every client has got more responses."""
        enough = self.listed + 5 * CLIENTS
        while self.listed < enough:
            self.over.wait(0.01)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """No server yet."""
    with migrated_database() as database_url, ExitStack() as stack:
        yield Manager(tmp_path, database_url, stack)


def client_of(port: int, manager: Manager) -> LiveServer:
    """Requests to a port."""
    process: Any = None
    return LiveServer(port, "", process, manager.log)


def stored(client: LiveServer, token: dict[str, str]) -> int:
    """Return how many leads there are."""
    return int(client.send("GET", "/api/dashboard", headers=token).json()["total_leads"])


def test_reads_notice_nothing_and_no_write_is_done_by_half(manager: Manager, tmp_path: Path) -> None:
    """A write that reaches a stopping server may be a 502, and is not executed then."""
    ports = free_port(), free_port()
    with nginx(tmp_path, *ports) as port:
        servers = [manager.start(own) for own in ports]
        client = client_of(port, manager)
        token = client.token()
        with Load(port, token) as load:
            for server, own in zip(servers, ports, strict=True):
                load.go_on()
                manager.restart(server, own)
            load.go_on()
        assert [failure for failure in load.failures if not failure.startswith("POST: 502")] == []
        assert len(load.failures) <= CLIENTS * len(servers)
        assert load.created == stored(client, token) > CLIENTS
