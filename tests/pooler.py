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
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 400
server_round_robin = 1
{more}
"""


@contextmanager
def pgbouncer(url: str, more: str = "") -> Iterator[str]:
    """Yield the URL of the same database through a PgBouncer, without ``pooled``; ``more`` are lines of its settings.

    Each transaction gets another connection of the server than the one before, if several are open.
    """
    assert PROGRAM
    parts = urlsplit(url)
    listen = free_port()
    folder = Path(tempfile.mkdtemp(prefix="crm-pgbouncer-"))
    forced = f" user={parts.username}" if parts.username else ""
    text = SETTINGS.format(host=parts.hostname, port=f"{parts.port or 5432}{forced}", listen=listen, more=more)
    (folder / "pgbouncer.ini").write_text(text)
    command = [PROGRAM, "-q", str(folder / "pgbouncer.ini")]
    if os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "postgres")
        command = ["runuser", "-u", "postgres", "--", *command]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        through = parts._replace(netloc=f"{parts.username or 'postgres'}@127.0.0.1:{listen}").geturl()
        _await(urlsplit(through)._replace(path="/postgres").geturl(), process, folder / "log")
        yield through
    finally:
        process.terminate()
        process.wait()
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
    with pgbouncer(direct) as through:
        env = {**os.environ, "DATABASE_URL": f"{through}?pooled=transaction", "DIRECT_DATABASE_URL": direct}
        return subprocess.run(sys.argv[1:], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
