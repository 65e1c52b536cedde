"""Kills at random times under a mixed load, and an audit of all stored data after each."""

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live import await_start
from tests.torture import audit
from tests.torture.cluster import Cluster
from tests.torture.crm import Crm
from tests.torture.ledger import totals
from tests.torture.load import Gate, Writer

WRITERS = 6
IMPORT_ROWS = 6000
RUNNING = "SELECT count(*) FROM leads_importrun WHERE state = 'running'"
LONGEST = 90  # seconds for writes to be acknowledged again; a longer time means that the run has failed


@dataclass
class Report:
    """The results of a campaign."""

    database: str
    kills: Counter[str] = field(default_factory=Counter)
    imports: Counter[str] = field(default_factory=Counter)
    recovery: dict[str, float] = field(default_factory=dict)  # the longest, in seconds, by what was killed
    findings: list[str] = field(default_factory=list)
    audits: int = 0
    totals: dict[str, Any] = field(default_factory=dict)
    verified: str = ""


@dataclass
class Campaign:
    """A server with a database and writers, and occasional imports."""

    crm: Crm
    cluster: Cluster | None
    folder: Path
    rng: random.Random
    report: Report
    gate: Gate = field(default_factory=lambda: Gate(WRITERS))
    writers: list[Writer] = field(default_factory=list)
    importing: subprocess.Popen[str] | None = None
    token: dict[str, str] = field(default_factory=dict)
    died: int = 0  # imports that were killed after they had begun, so far

    def begin(self) -> None:
        """Start the server and the writers, and create the shared leads."""
        server = self.crm.start()
        self.token = server.token()
        seeds = [{"first_name": f"Shared {n}", "last_name": "", "email": "", "phone": ""} for n in range(3)]
        shared = [row["id"] for row in server.send("POST", "/api/leads", seeds, self.token).json()]
        self.writers = [Writer(f"w{n}", server.port, self.token, self.gate, shared) for n in range(WRITERS)]
        for writer in self.writers:
            writer.start()

    def round(self, target: str) -> None:
        """Run the load for a while, kill, wait for recovery, and audit."""
        if self.importing is None:
            self.importing = self._import(self.report.imports.total())
        threading.Event().wait(self.rng.uniform(0.2, 1.6))
        self._kill(target)
        self._recover(target)
        self._audit()

    def _import(self, number: int) -> subprocess.Popen[str]:
        path = self.folder / f"import-{number}.csv"
        lines = (f"Eve,Import {number} {n},eve{number}.{n}@example.com,+1-555-{n:07d}" for n in range(IMPORT_ROWS))
        path.write_text("\n".join(("First Name,Last Name,Email,Phone", *lines, "")))
        return self.crm.begin("import_leads", path, "--report", "json")

    def _kill(self, target: str) -> None:
        self.report.kills[target] += 1
        if target == "worker":
            self.crm.kill_worker(self.rng)
        elif target == "master":
            self.crm.kill_master()
        elif target == "import":
            self._await_account()
            threading.Event().wait(self.rng.uniform(0, 0.8))
            self._end_import()
        elif self.cluster and target == "postgresql":
            self.cluster.kill()
        elif self.cluster:
            self.cluster.kill_backend()

    def _await_account(self) -> None:
        """Return when the import has begun in the database, or has ended."""
        before = self.died
        while self.importing and self.importing.poll() is None:
            if audit.rows(self.crm.database_url, RUNNING)[0][0] > before:
                return
            threading.Event().wait(0.02)

    def _recover(self, target: str) -> None:
        """Restart what does not restart by itself; return when every writer has written."""
        if self.cluster and target == "postgresql":
            self.cluster.start()
        began = time.monotonic()
        if target == "master":
            self.crm.start(wait=False)
            await_start(self.crm.server)
        for writer in self.writers:
            writer.acknowledged.clear()
        for writer in self.writers:
            assert writer.acknowledged.wait(LONGEST), f"{writer.name} does not get through any more"
        took = time.monotonic() - began
        self.report.recovery[target] = max(took, self.report.recovery.get(target, 0))

    def _audit(self) -> None:
        if self.importing and self.rng.random() < 0.5:
            self._end_import()
        self._await_import()
        self.gate.close()
        audit.settle(self.crm.database_url)
        dashboard = self._dashboard()
        books = [writer.book for writer in self.writers]
        self.report.findings += audit.findings(self.crm.database_url, books, dashboard)
        self.died = audit.rows(self.crm.database_url, RUNNING)[0][0]
        self.report.audits += 1
        self.gate.reopen()

    def _dashboard(self) -> Any:
        """Return the dashboard's figures; retry if the connection belonged to a killed worker."""
        until = time.monotonic() + LONGEST
        while True:
            try:
                reply = self.crm.server.send("GET", "/api/dashboard", headers=self.token)
                assert reply.status == 200, reply
                return reply.json()
            except OSError:
                assert time.monotonic() < until, "nobody answers any more"
                threading.Event().wait(0.05)

    def _end_import(self) -> None:
        """``kill -9`` of the import with the process that checks its rows."""
        if self.importing and self.importing.poll() is None:
            os.killpg(self.importing.pid, signal.SIGKILL)

    def _await_import(self) -> None:
        if self.importing:
            self.importing.communicate()
            code = self.importing.returncode
            self.report.imports["killed" if code < 0 else "done" if code == 0 else "refused"] += 1
        self.importing = None

    def end(self) -> None:
        """Stop the writers, and run ``manage.py verify``."""
        self.gate.end()
        for writer in self.writers:
            writer.join()
        self.report.imports["killed in the middle"] = self.died
        self.report.totals = totals([writer.book for writer in self.writers])
        verified = self.crm.manage("verify")
        self.report.verified = verified.stdout.strip().splitlines()[-1] if verified.stdout.strip() else ""
        if verified.returncode:
            self.report.findings.append(f"manage.py verify: {verified.stdout[-500:]} {verified.stderr[-500:]}")


@contextmanager
def campaign(database_url: str, cluster: Cluster | None, folder: Path, seed: int) -> Iterator[Campaign]:
    """Yield a started campaign, and stop all its processes afterwards."""
    crm = Crm(database_url, folder, WORKERS="2")
    report = Report("PostgreSQL" if cluster else "SQLite")
    with ExitStack() as stack:
        stack.callback(crm.stop)
        fight = Campaign(crm, cluster, folder, random.Random(seed), report)
        stack.callback(fight.gate.end)
        stack.callback(fight._end_import)
        fight.begin()
        yield fight


def targets(cluster: Cluster | None, kills: int, rng: random.Random) -> list[str]:
    """Return that many targets in random order, each kind equally often."""
    kinds = ["worker", "master", "import", *(["postgresql", "backend"] if cluster else [])]
    chosen = [kinds[n % len(kinds)] for n in range(kills)]
    rng.shuffle(chosen)
    return chosen


def fight_on(fight: Campaign, kills: int) -> Report:
    """Run that many kills and return the report."""
    for target in targets(fight.cluster, kills, fight.rng):
        fight.round(target)
    fight.end()
    return fight.report
