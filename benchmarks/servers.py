"""Servers under test: ours as ``make run`` starts it, others by command or URL; and the CPU time and memory of
their processes.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

PROJECT = Path(__file__).resolve().parent.parent
SECRET = "benchmarks-only-Zk3vB8qLr1TnWxY6uHs0PdAeJm9CfGi2"
AGENT = {"username": "bench-agent", "password": "bench-password"}
NAMES = {"email": "bench-agent@example.com", "first_name": "Bench", "last_name": "Agent"}
TICK = os.sysconf("SC_CLK_TCK")
MAX_START = 60  # seconds


@dataclass
class Server:
    """A running server of the contract; ``process`` is ``None`` if it was started elsewhere."""

    name: str
    url: str
    database_url: str | None = None
    process: subprocess.Popen[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a request; return status and body."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
        try:
            data = body if isinstance(body, bytes | str | None) else json.dumps(body)
            connection.request(
                method, path, data, {"Content-Type": "application/json", **self.headers, **(headers or {})}
            )
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def log_in(self) -> None:
        """Log in as the benchmark's agent, and register the agent first if necessary."""
        self.send("POST", "/api/users/register", {**AGENT, **NAMES})
        status, reply = self.send("POST", "/api/users/login", AGENT)
        if status != 200:
            sys.exit(f"{self.name}: no login at {self.url}: {status} {reply[:200]!r}")
        self.headers["Authorization"] = f"Bearer {json.loads(reply)['access_token']}"

    def stop(self) -> None:
        """Stop the server if the benchmark started it."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a server, without the values of the developer's ``.env``."""
    own = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ours = {"DJANGO_SETTINGS_MODULE": "crm_project.settings", "ENV_FILE": "", "SECRET_KEY": SECRET}
    return {**own, **ours, "REGISTRATION_OPEN": "true", **variables}


def start_ours(name: str, database_url: str, **variables: str) -> Server:
    """Start ``manage.py serve``, as ``make run`` does."""
    port = free_port()
    env = environment(DATABASE_URL=database_url, PORT=str(port), **variables)
    return _start(name, [sys.executable, "manage.py", "serve"], PROJECT, env, port, database_url)


def start_peer(name: str, folder: Path, database_url: str, workers: int = 2) -> Server:
    """Start the peer's ``run.sh PORT WORKERS`` in its folder, with SQLAlchemy's asyncpg driver."""
    port = free_port()
    url = database_url.replace("postgresql://", "postgresql+asyncpg://").replace("sqlite:", "sqlite+aiosqlite:")
    env = environment(DATABASE_URL=url, SQLITE_WAL="1" if url.startswith("sqlite") else "0")
    return _start(name, ["./run.sh", str(port), str(workers)], folder, env, port, database_url)


def start_floor(name: str, database_url: str) -> Server:
    """Start the bare server of ``floor.py`` with as many workers as ours, each with one thread."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "2"]
    command += ["--blocking-threads", "1", "--log-level", "critical", "benchmarks.floor:application"]
    env = environment(DATABASE_URL=database_url, PYTHONPATH=str(PROJECT))
    return _start(name, command, PROJECT, env, port, database_url)


def _start(name: str, command: list[str], folder: Path, env: dict[str, str], port: int, database_url: str) -> Server:
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
    server = Server(name, f"http://127.0.0.1:{port}", database_url, process)
    until = time.monotonic() + MAX_START
    while True:
        try:
            server.send("GET", "/")
            return server
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                server.stop()
                sys.exit(f"{name}: {' '.join(command)} did not start")
            time.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process; 0 if it has ended or is not visible."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def processes(server: Server) -> list[int]:
    """Return all processes of a server that the benchmark started."""
    if not server.process:
        return []
    group = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == server.process.pid:
                group.append(int(entry.name))
        except OSError:
            continue
    return group


def worker_memory(server: Server, workers: int = 2) -> float | None:
    """Return the MB of memory (PSS) of the larger worker. The workers are the processes with the most CPU time."""
    busiest = sorted(processes(server), key=cpu_seconds, reverse=True)[:workers]
    sizes = []
    for pid in busiest:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        sizes.append(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024)
    return max(sizes, default=None)


def _on_postgresql(server: Server) -> bool:
    return (server.database_url or "").startswith("postgresql")


class Clock:
    """A clock of the CPU time of a server, and of its PostgreSQL processes if they are on this machine."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.before = self._now()

    def _backends(self) -> list[int]:
        if not _on_postgresql(self.server):
            return []
        with psycopg.connect(self.server.database_url) as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            return [pid for (pid,) in connection.execute(query)]

    def _now(self) -> tuple[dict[int, float], dict[int, float]]:
        return (
            {pid: cpu_seconds(pid) for pid in processes(self.server)},
            {pid: cpu_seconds(pid) for pid in self._backends()},
        )

    def spent(self) -> tuple[float, float]:
        """Return the seconds since the clock was created: of the server, of PostgreSQL."""
        own, database = (
            sum(seconds - before.get(pid, 0.0) for pid, seconds in now.items())
            for now, before in zip(self._now(), self.before, strict=True)
        )
        return own, database


def wait_until_idle(server: Server, longest: float = 60) -> None:
    """Wait until PostgreSQL has finished the statements of a burst that has ended."""
    if not _on_postgresql(server):
        return
    query = """SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()"""
    until = time.monotonic() + longest
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        while connection.execute(query).fetchone() != (0,) and time.monotonic() < until:
            time.sleep(0.05)
