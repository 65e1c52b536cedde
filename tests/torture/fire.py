"""SQLite with sixteen writers, a reader of the dashboard, and an import at the same time."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live import LiveServer
from tests.torture import audit
from tests.torture.crm import Crm
from tests.torture.ledger import totals
from tests.torture.load import Gate, Writer


@dataclass
class Fire:
    """The results; times in seconds."""

    seconds: float = 0  # without the import
    acknowledged: int = 0  # writes in those
    beside: int = 0  # writes that were acknowledged while the import ran
    totals: dict[str, Any] = field(default_factory=dict)
    reads: list[float] = field(default_factory=list)
    reads_refused: Counter[int] = field(default_factory=Counter)
    longest_write: float = 0
    imported: int = 0
    import_seconds: float = 0
    findings: list[str] = field(default_factory=list)

    @property
    def median_read(self) -> float:
        """Of the dashboard."""
        return statistics.median(self.reads)


def under_fire(folder: Path, writers: int, rows: int, wait: str = "", **variables: str) -> Fire:
    """Run writers and a reader during an import of ``rows`` leads, and as long without it.

    ``wait`` is appended to the database's URL.
    """
    crm = Crm(f"sqlite:///{folder}/fire.db{wait}", folder, **variables)
    fire, gate = Fire(), Gate(writers)
    try:
        server = crm.start()
        token = server.token()
        shared = [
            server.send("POST", "/api/leads", {"first_name": "S", "last_name": "", "email": "", "phone": ""}, token)
        ]
        writer_threads = [
            Timed(f"w{n}", server.port, token, gate, [shared[0].json()["id"]], bulk=20) for n in range(writers)
        ]
        reader = Reader(server, token, fire)
        for thread in (*writer_threads, reader):
            thread.start()
        _import(crm, folder, rows, fire)
        fire.beside, began = _acknowledged(writer_threads), time.monotonic()
        threading.Event().wait(min(fire.import_seconds, 10))
        fire.acknowledged, fire.seconds = _acknowledged(writer_threads) - fire.beside, time.monotonic() - began
        gate.end()
        reader.over.set()
        for thread in (*writer_threads, reader):
            thread.join()
        books = [writer.book for writer in writer_threads]
        fire.totals, fire.longest_write = totals(books), max(writer.longest for writer in writer_threads)
        fire.findings = audit.findings(crm.database_url, books, _dashboard(server, token))
        if "locked" in "".join(fire.totals["wrong"]):
            fire.findings.append("a client got a 503 because of a lock")
    finally:
        gate.end()
        crm.stop()
    return fire


def _import(crm: Crm, folder: Path, rows: int, fire: Fire) -> None:
    path = folder / "fire.csv"
    with path.open("w") as file:
        file.write("First Name,Last Name,Email,Phone\n")
        file.writelines(f"Eve,Fire {n},eve{n}@example.com,+1-555-{n:07d}\n" for n in range(rows))
    began = time.monotonic()
    process = crm.begin("import_leads", path, "-v0", "--on-duplicate", "skip")
    _, error = process.communicate()
    fire.import_seconds = time.monotonic() - began
    if process.returncode:
        fire.findings.append(f"the import ended with {process.returncode}: {error[-300:]}")
    else:
        fire.imported = rows


def _acknowledged(writers: Sequence[Writer]) -> int:
    """Return the number of writes acknowledged so far."""
    return sum(writer.book.replies[status] for writer in writers for status in ("200", "201", "204"))


def _dashboard(server: LiveServer, token: dict[str, str]) -> Any:
    return server.send("GET", "/api/dashboard", headers=token).json()


class Timed(Writer):
    """A writer that records the time of its longest write."""

    longest = 0.0

    def _send(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        began = time.monotonic()
        reply = super()._send(method, path, body)
        self.longest = max(self.longest, time.monotonic() - began)
        return reply


class Reader(threading.Thread):
    """A thread that requests the dashboard in a loop."""

    def __init__(self, server: LiveServer, token: dict[str, str], fire: Fire) -> None:
        super().__init__(daemon=True)
        self.server, self.token, self.fire, self.over = server, token, fire, threading.Event()

    def run(self) -> None:
        """Request the dashboard in a loop."""
        while not self.over.is_set():
            began = time.monotonic()
            reply = self.server.send("GET", "/api/dashboard", headers=self.token)
            self.fire.reads.append(time.monotonic() - began)
            if reply.status != 200:
                self.fire.reads_refused[reply.status] += 1
