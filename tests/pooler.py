"""PgBouncer in transaction mode: ``python -m tests.pooler COMMAND`` runs a command with one before PostgreSQL.

The command gets ``DATABASE_URL`` through it and ``DIRECT_DATABASE_URL`` without. The exit code is the command's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.live import free_port
from tests.postgresql import answers

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SETTINGS = """
[databases]
{name} = {server}
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = transaction
default_pool_size = 20
max_client_conn = 400
server_round_robin = 1
{more}
"""


def version() -> tuple[int, ...]:
    """Return PgBouncer's version."""
    assert PROGRAM
    printed = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, printed.split()[1].split(".")))


class Pooler:
    """A running PgBouncer before the server of a database, until another server is named."""

    def __init__(self, folder: Path, url: str, more: str) -> None:
        self.folder, self.more, self.port = folder, more, free_port()
        parts = urlsplit(url)
        self.url = parts._replace(netloc=f"{parts.username or 'postgres'}@127.0.0.1:{self.port}").geturl()
        self._name_server(url)

    def point_to(self, url: str) -> None:
        """Have it use the server of this URL from now on, as after a failover."""
        self._name_server(url)
        with psycopg.connect(self._url_of("pgbouncer"), autocommit=True) as console:
            console.execute("RELOAD")

    def run(self) -> subprocess.Popen[bytes]:
        """Start the process, and return it when it accepts connections."""
        assert PROGRAM
        command = [PROGRAM, "-q", str(self.folder / "pgbouncer.ini")]
        if os.geteuid() == 0:  # it refuses to run as root
            shutil.chown(self.folder, "postgres")
            command = ["runuser", "-u", "postgres", "--", *command]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _await(self._url_of("postgres"), process, self.folder / "log")
        return process

    def _url_of(self, database: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def _name_server(self, url: str) -> None:
        parts = urlsplit(url)
        server = f"host={parts.hostname} port={parts.port or 5432}"
        server += f" user={parts.username}" if parts.username else ""
        # By its name, because RELOAD does not change databases that "*" has made.
        text = SETTINGS.format(name=parts.path[1:], server=server, listen=self.port, more=self.more)
        (self.folder / "pgbouncer.ini").write_text(text)


@contextmanager
def pgbouncer(url: str, more: str = "") -> Iterator[Pooler]:
    """Yield a PgBouncer before a database, whose ``url`` is without ``pooled``; ``more`` are lines of its settings.

    Each transaction gets another connection of the server than the one before, if several are open.
    """
    folder = Path(tempfile.mkdtemp(prefix="crm-pgbouncer-"))
    try:
        pooler = Pooler(folder, url, more)
        process = pooler.run()
        try:
            yield pooler
        finally:
            process.terminate()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)


def main() -> int:
    """Run the command of the arguments."""
    direct = os.environ["DATABASE_URL"]
    if PROGRAM is None or not answers(direct):
        sys.stdout.write("SKIPPED the tests through PgBouncer: it is not installed, or no PostgreSQL server answers.\n")
        return int(os.environ.get("POSTGRES") == "required")
    with pgbouncer(direct) as pooler:
        env = {**os.environ, "DATABASE_URL": f"{pooler.url}?pooled=transaction", "DIRECT_DATABASE_URL": direct}
        return subprocess.run(sys.argv[1:], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
