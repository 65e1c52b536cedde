"""Server processes of the product, which tests can start and kill, with one port and one database."""

import os
import random
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.live import MAX_STOP, PROJECT, LiveServer, await_start, end, environment, free_port

MANAGE = [sys.executable, "manage.py"]
NOT_COPIED = (".*", "*.db*", "__pycache__", "node_modules", "screenshots", "staticfiles", "tests")


class Crm:
    """A server that can be restarted with the same port, data and secret."""

    def __init__(self, database_url: str, folder: Path, project: Path = PROJECT, **variables: str) -> None:
        self.port, self.folder, self.project = free_port(), folder, project
        self.env = environment(DATABASE_URL=database_url, PORT=str(self.port), **variables)
        self.database_url = database_url
        self.live: LiveServer | None = None

    @classmethod
    def machine(cls, database_url: str, folder: Path, **variables: str) -> "Crm":
        """Return a server that has a copy of the project, and all its files in ``folder``."""
        shutil.copytree(PROJECT, folder / "project", ignore=shutil.ignore_patterns(*NOT_COPIED))
        (folder / "tmp").mkdir()
        own = {"TMPDIR": str(folder / "tmp"), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        return cls(database_url, folder, folder / "project", **own, **variables)

    def files(self) -> list[Path]:
        """Return the files of a machine that are neither its log nor bytecode."""
        folders = self.project, self.folder / "tmp"
        return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())

    def start(self, wait: bool = True) -> LiveServer:
        """Start; return when it answers, or at once."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*MANAGE, "serve"], cwd=self.project, env=self.env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.live = LiveServer(self.port, self.database_url, process, log)
        if wait:
            await_start(self.live)
        return self.live

    @property
    def server(self) -> LiveServer:
        """Return the running one."""
        assert self.live is not None
        return self.live

    def workers(self) -> list[int]:
        """Return the process numbers of its workers."""
        pid = self.server.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()] if children.exists() else []

    def kill_worker(self, rng: random.Random) -> None:
        """Kill a worker, which the server replaces."""
        if workers := self.workers():
            os.kill(rng.choice(workers), signal.SIGKILL)

    def kill_master(self) -> None:
        """Kill the parent process; return when its workers have exited too."""
        workers = self.workers()
        self.server.process.kill()
        self.server.process.wait()
        for pid in workers:
            await_end(pid)

    def stop(self) -> None:
        """Stop the server in any state."""
        if self.live:
            end(self.live.process)

    def manage(self, *arguments: object, **how: Any) -> subprocess.CompletedProcess[str]:
        """Run a management command on the same database."""
        command = [*MANAGE, *map(str, arguments)]
        return subprocess.run(
            command, cwd=self.project, env=self.env, capture_output=True, text=True, check=False, **how
        )

    def begin(self, *arguments: object) -> subprocess.Popen[str]:
        """Start a management command in a new process group."""
        return subprocess.Popen(
            [*MANAGE, *map(str, arguments)], cwd=self.project, env=self.env, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


def await_end(pid: int) -> None:
    """Return when that process, which is no child of this one, has exited."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], MAX_STOP)[0], f"process {pid} does not end"
    finally:
        os.close(handle)
