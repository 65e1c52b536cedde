"""Does the time of a refused log-in show whether the user name exists? ``python -m benchmarks.login_times [TRIES]``.

Asks a server of its own, on a database of its own, for two kinds of names in random order: ones that exist, with a
wrong password, and ones that do not. Each try comes from another address by way of a trusted proxy, so that no limit
ends the series. A Mann-Whitney test says how likely the difference would be if there was none.
"""

import http.client
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from math import erfc, sqrt
from pathlib import Path
from statistics import fmean, median, quantiles
from urllib.parse import urlsplit

from benchmarks.servers import NAMES, start_ours

TRIES = 1000  # of each kind
ACCOUNTS = 20


@dataclass
class Series:
    """The milliseconds of one kind of refusals."""

    kind: str
    times: list[float] = field(default_factory=list)

    def line(self) -> str:
        """Return the figures as text."""
        tenths = quantiles(self.times, n=10)
        figures = f"{median(self.times):8.3f} {fmean(self.times):8.3f} {tenths[0]:8.3f} {tenths[-1]:8.3f}"
        return f"{self.kind:<22}{len(self.times):>6} {figures}"


def mann_whitney(one: list[float], other: list[float]) -> float:
    """Two-sided p by the normal approximation, which hundreds of values without ties allow."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(place for place, (_, series) in enumerate(ranked, 1) if series == 0)
    n, m = len(one), len(other)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / sqrt(n * m * (n + m + 1) / 12)
    return erfc(abs(z) / sqrt(2))


def shift(one: list[float], other: list[float]) -> tuple[float, float, float]:
    """Return the difference of the medians, and its 95 % interval from 1,000 resamplings."""
    draws = sorted(
        median(random.choices(other, k=len(other))) - median(random.choices(one, k=len(one))) for _ in range(1000)
    )
    return median(other) - median(one), draws[25], draws[974]


def measure(port: int, tries: int) -> tuple[Series, Series]:
    """So many refusals of each kind, in random order, over one persistent connection."""
    known, unknown = Series("existing name"), Series("no such name")
    order = [known, unknown] * tries
    random.shuffle(order)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for number, series in enumerate(order):
        stem = "known" if series is known else "guess"
        name = f"{stem}-{random.randrange(ACCOUNTS):02d}"
        series.times.append(refusal(connection, name, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"))
    return known, unknown


def refusal(connection: http.client.HTTPConnection, name: str, address: str) -> float:
    """Return the milliseconds until a wrong password is refused."""
    body = json.dumps({"username": name, "password": "wrong password"})
    started = time.perf_counter()
    connection.request(
        "POST", "/api/users/login", body, {"Content-Type": "application/json", "X-Forwarded-For": address}
    )
    reply = connection.getresponse()
    reply.read()
    took = (time.perf_counter() - started) * 1000
    assert reply.status == 401, reply.status
    return took


def register(port: int) -> None:
    """Register the accounts whose names exist."""
    for number in range(ACCOUNTS):
        account = {"username": f"known-{number:02d}", "email": f"known-{number:02d}@example.com"}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps({**NAMES, **account, "password": "the right password"})
        connection.request("POST", "/api/users/register", body, {"Content-Type": "application/json"})
        assert connection.getresponse().status == 201


def main(tries: int) -> None:
    """Measure, and print a table and a verdict."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("DATABASE_URL", f"sqlite:///{Path(folder) / 'times.db'}")
        server = start_ours("ours", url, TRUSTED_PROXIES="127.0.0.1", WORKERS="1")
        try:
            port = urlsplit(server.url).port or 0
            register(port)
            measure(port, 20)  # warms it up
            known, unknown = measure(port, tries)
        finally:
            server.stop()
    print_comparison(known, unknown)


def print_comparison(known: Series, unknown: Series) -> None:
    """Print the table, the difference, and whether it is significant."""
    print(f"{'milliseconds':<22}{'n':>6} {'median':>8} {'mean':>8} {'10 %':>8} {'90 %':>8}")
    print(known.line(), unknown.line(), sep="\n")
    difference, low, high = shift(known.times, unknown.times)
    p = mann_whitney(known.times, unknown.times)
    print(f"difference of the medians {difference:+.3f} ms (95 %: {low:+.3f} to {high:+.3f}); Mann-Whitney p = {p:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TRIES)
