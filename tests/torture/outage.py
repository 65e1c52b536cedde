"""How long requests wait for an unavailable PostgreSQL server, and how soon they succeed after its return."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.live import LiveServer
from tests.torture.cluster import Cluster
from tests.torture.crm import Crm

MODES = ("fast", "immediate", "kill")
SERVED_ALONE = 16  # replies in a row, over all threads, that count as well again


@dataclass
class Outages:
    """Times in seconds."""

    outages: int = 0
    replies: Counter[int] = field(default_factory=Counter)
    longest_refusal: float = 0
    longest_recovery: float = 0
    connections: int = 0


def outages(cluster: Cluster, folder: Path, rounds: int, seed: int) -> Outages:
    """Stop or kill PostgreSQL that many times; send requests meanwhile, and afterwards until all succeed."""
    crm, found, rng = Crm(cluster.url, folder, WORKERS="2"), Outages(), random.Random(seed)
    try:
        server = crm.start()
        token = server.token()
        for number in range(rounds):
            found.outages += 1
            mode = MODES[number % len(MODES)]
            cluster.kill() if mode == "kill" else cluster.stop(mode)
            for _ in range(rng.randint(10, 40)):
                found.longest_refusal = max(found.longest_refusal, _ask(server, token, found))
            cluster.start()
            found.longest_recovery = max(found.longest_recovery, _recovery(server, token, found))
        ours = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        found.connections = int(str(cluster.execute(ours)[0][0]))
    finally:
        crm.stop()
    return found


def _ask(server: LiveServer, token: dict[str, str], found: Outages) -> float:
    began = time.monotonic()
    found.replies[server.send("GET", "/api/dashboard", headers=token).status] += 1
    return time.monotonic() - began


def _recovery(server: LiveServer, token: dict[str, str], found: Outages) -> float:
    """Return the time from PostgreSQL's return to ``SERVED_ALONE`` successful responses in a row."""
    began = last_bad = time.monotonic()
    good = 0
    while good < SERVED_ALONE:
        status = server.send("GET", "/api/dashboard", headers=token).status
        found.replies[status] += 1
        good = good + 1 if status == 200 else 0
        last_bad = last_bad if status == 200 else time.monotonic()
    return last_bad - began
