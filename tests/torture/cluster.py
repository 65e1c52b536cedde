"""A PostgreSQL cluster that tests may kill, stop and freeze; not the one that the other tests use."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from tests.live import free_port

MAX_START = 60  # seconds, recovery after a kill included


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl of the newest installed PostgreSQL, or ``None``."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = installed[-1] if installed else shutil.which("initdb")
    return Path(found).parent if found else None


class Cluster:
    """A database server in a temporary folder, with the same port after restarts."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self.port = folder, free_port()
        self.data = folder / "data"
        given = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder), **settings}
        self.options = " ".join([f"-p {self.port}", *(f"-c {name}={value}" for name, value in given.items())])

    @property
    def url(self) -> str:
        """Of the database ``crm``."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/crm"

    def make(self) -> None:
        """initdb, start, and an empty database."""
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        with psycopg.connect(self.url.replace("/crm", "/postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE crm")

    def follow(self, primary: "Cluster") -> None:
        """Become a streaming replica of a running server, and start."""
        source = f"host=127.0.0.1 port={primary.port} user=postgres"
        self._run("pg_basebackup", "-D", str(self.data), "-R", "-c", "fast", "-d", source)
        self.start()

    def recover(self, restore: Callable[[Path], None]) -> None:
        """Start with the data that ``restore`` writes into a folder; return when they can be changed."""
        restore(self.data)
        self.start()
        while self.execute("SELECT pg_is_in_recovery()") != [(False,)]:
            pass

    def promote(self) -> None:
        """Turn a replica into a primary."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def start(self) -> None:
        """Start the server and return when it accepts connections; retry after a kill."""
        until = time.monotonic() + MAX_START
        while True:
            try:
                self._run(
                    "pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", self.options, "start"
                )
                return
            except subprocess.CalledProcessError:
                if time.monotonic() > until:
                    raise AssertionError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.1)

    def stop(self, mode: str = "fast") -> None:
        """Run ``pg_ctl stop``: ``fast`` ends sessions with an error, ``immediate`` without one."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """``kill -9`` of the postmaster."""
        with suppress(ProcessLookupError):
            os.kill(self.postmaster, signal.SIGKILL)

    def kill_backend(self) -> bool:
        """Kill a process that serves a connection, after which the server recovers; return whether there was one."""
        for pid in self.processes():
            with suppress(OSError):
                if "127.0.0.1" in Path(f"/proc/{pid}/cmdline").read_text():
                    os.kill(pid, signal.SIGKILL)
                    return True
        return False

    def freeze(self, signal_number: int = signal.SIGSTOP) -> None:
        """Suspend the postmaster and all its processes; with ``SIGCONT``, resume them."""
        for pid in [self.postmaster, *self.processes()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)

    @property
    def postmaster(self) -> int:
        """Return the process id of the postmaster."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def processes(self) -> list[int]:
        """Return the process ids of the postmaster's children."""
        children = Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement as the administrator; return the rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def dump(self) -> bytes:
        """Return all data as SQL."""
        where = programs()
        assert where is not None
        return subprocess.run([where / "pg_dump", self.url], check=True, capture_output=True).stdout

    def _run(self, program: str, *arguments: str) -> None:
        where = programs()
        assert where is not None
        run_as_owner(str(where / program), *arguments)


def run_as_owner(*command: str) -> None:
    """Run a command as a user other than root, who cannot own a cluster."""
    switched = ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)
    subprocess.run(
        switched, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def own_cluster(
    primary: Cluster | None = None, restore: Callable[[Path], None] | None = None, **settings: str
) -> Iterator[Cluster]:
    """Yield a running cluster and delete it afterwards.

    It has an empty database, is a replica of ``primary``, or has the data that ``restore`` writes into its folder.
    """
    folder = Path(tempfile.mkdtemp(prefix="crm-cluster-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    cluster = Cluster(folder, **settings)
    try:
        if primary:
            cluster.follow(primary)
        elif restore:
            cluster.recover(restore)
        else:
            cluster.make()
        yield cluster
    finally:
        with suppress(OSError):
            cluster.freeze(signal.SIGCONT)
        with suppress(subprocess.CalledProcessError):
            cluster.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
