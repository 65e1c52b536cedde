"""Server processes for tests: ``manage.py serve`` on a free port, with a new database.

The fixture ``server`` is one for the whole run, for tests that only need some server (they bring their own users and
leads); ``serving(BODY_MAX_BYTES="4096")`` is one with an environment of its own.
"""

import http.client
import json
import os
import runpy
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings

PROJECT = Path(__file__).resolve().parent.parent
STRONG_SECRET = "live-server-Zk3vB8qLr1TnWxY6uHs0PdAeJm9CfGi2"
MAX_START = 90  # seconds; only a machine in trouble needs more than three
MAX_STOP = 20


@dataclass
class Reply:
    """A response, with header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass
class LiveServer:
    """A running server. ``log`` is the file with its output."""

    port: int
    database_url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Return the URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """Send a request on a new connection; a list or dict as ``body`` is sent as JSON."""
        headers = dict(headers or {})
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def token(self, username: str = "") -> dict[str, str]:
        """Return the ``Authorization`` header of a new agent."""
        username = username or f"agent-{secrets.token_hex(6)}"
        account = {"username": username, "password": "pass123456"}
        names = {"email": f"{username}@example.com", "first_name": "Agent", "last_name": "One"}
        registered = self.send("POST", "/api/users/register", {**account, **names})
        assert registered.status == 201, registered
        return {"Authorization": f"Bearer {self.send('POST', '/api/users/login', account).json()['access_token']}"}

    def connect(self) -> socket.socket:
        """Return a socket, for requests that client libraries do not send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def stop(self) -> int:
        """Send SIGTERM and return the exit code; kill the process and fail after ``MAX_STOP`` seconds."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(MAX_STOP)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(without: Iterable[str] = (), **variables: str) -> dict[str, str]:
    """Return the environment of a server, without the developer's ``.env`` and the variables of the test run.

    Variables named in ``without`` are left for the server's ``ENV_FILE`` to give, or to be missed.
    """
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    # Whoever asks for a server that others can reach must say who may register; most tests do that.
    defaults = {"ENV_FILE": "", "SECRET_KEY": STRONG_SECRET, "HOST": "127.0.0.1", "REGISTRATION_OPEN": "true"}
    defaults["RUN_JOBS"] = "false"  # what happens by itself at a time of day would disturb
    merged = {**own, **defaults, **variables}
    return {name: value for name, value in merged.items() if name not in without}


def settings_of(**variables: str) -> dict[str, Any]:
    """Return the settings of a server with that ``environment``, without a process of its own."""
    with mock.patch.dict(os.environ, environment(**variables), clear=True):
        return runpy.run_path(str(PROJECT / "crm_project" / "settings.py"))


def without_python(printed: str) -> str:
    """Return the output of a start without the warning about the version of Python."""
    return "".join(line for line in printed.splitlines(keepends=True) if not line.startswith("Warning: Python "))


templates = ExitStack()  # closed when the tests are over


@cache
def template() -> str:
    """Return the URL of a template database with all tables and no rows, created once in a process."""
    url = templates.enter_context(fresh_database())
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(migrate, cwd=PROJECT, env=environment(DATABASE_URL=url), check=True)
    return url


@contextmanager
def fresh_database(source: str = "") -> Iterator[str]:
    """Yield the URL of an empty database of the tests' kind, or of a copy of ``source``; drop it afterwards."""
    if settings.DATABASE_URL.startswith("sqlite"):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/live.db"
            if source:
                shutil.copy(source.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
            yield url
        return
    parts = urlsplit(settings.DIRECT_DATABASE_URL or settings.DATABASE_URL)._replace(scheme="postgresql")
    name = f"live_{os.getpid()}_{secrets.token_hex(4)}"
    copied = f'TEMPLATE "{urlsplit(source).path.removeprefix("/")}"' if source else ""
    with psycopg.connect(parts._replace(path="/postgres").geturl(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" {copied}')
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def migrated_file(path: Path) -> str:
    """Make a SQLite file with all tables and no rows, and return its URL; only where SQLite is the tests' database."""
    shutil.copy(template().removeprefix("sqlite:///"), path)
    return f"sqlite:///{path}"


def migrated_database() -> AbstractContextManager[str]:
    """Yield the URL of a database with all tables; drop it afterwards."""
    return fresh_database(template())


@contextmanager
def serving(without: Iterable[str] = (), arguments: Iterable[str] = (), **variables: str) -> Iterator[LiveServer]:
    """Yield a running server with that ``environment``, and stop it afterwards if the test has not done so."""
    given = variables.get("DATABASE_URL", "")
    with nullcontext(given) if given or "DATABASE_URL" in without else migrated_database() as database_url:
        port = free_port()
        own = {"PORT": str(port), "DATABASE_URL": database_url}
        own["REGISTRATION_LIMIT"] = "0"  # all tests have the same IP address
        with running(
            ["manage.py", "serve", *arguments], port, database_url, environment(without, **{**own, **variables})
        ) as server:
            yield server


@contextmanager
def running(command: list[str], port: int, database_url: str, env: dict[str, str]) -> Iterator[LiveServer]:
    """Run a Python command that starts a server on ``port``, and stop it afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=PROJECT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = LiveServer(port, database_url, process, log)
        try:
            await_start(server)
            yield server
        finally:
            end(process)


def await_start(server: LiveServer) -> None:
    """Return when the server responds; raise ``AssertionError`` with its output if it does not."""
    until = time.monotonic() + MAX_START
    while True:
        try:
            assert server.send("GET", "/").status == 200
            return
        except OSError as error:
            if server.process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"The server did not start:\n{server.log.read_text()}") from error
            time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop the process group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(MAX_STOP)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def server() -> Iterator[LiveServer]:
    """Yield one server for all tests of the run."""
    with serving() as running:
        yield running
