"""Medians and ratios as Markdown."""

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.servers import PROJECT
from benchmarks.wrk import Burst

RESULTS = PROJECT / "benchmarks" / "RESULTS.md"
# (size, call, server, connections) -> the bursts of all rounds
Results = dict[tuple[int, str, str, int], list[Burst]]
PACKAGES = ("django", "djangorestframework", "djangorestframework-simplejwt", "granian", "psycopg", "orjson")


def save(title: str, text: str) -> None:
    """Write a part of ``RESULTS.md``, in place of the part that has this title."""
    parts = ("\n" + RESULTS.read_text()).split("\n# ")[1:] if RESULTS.exists() else []
    sections = {part.partition("\n")[0]: part.rstrip() for part in parts}
    sections[title] = f"{title}\n\n{text.strip()}"
    RESULTS.write_text("\n\n".join(f"# {part}" for _, part in sorted(sections.items())) + "\n")


def middle(bursts: Sequence[Burst]) -> Burst:
    """Return a burst with the median of each figure."""

    def of(name: str) -> float | None:
        known = [value for burst in bursts if (value := getattr(burst, name)) is not None]
        return median(known) if known else None

    return Burst(**{field.name: of(field.name) for field in fields(Burst)})  # type: ignore[arg-type]


def heading(database_version: str, command: str) -> str:
    """Return the heading: date, commit, machine and database."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "?",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    git = ["git", "-C", str(PROJECT)]
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run(
        [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return "\n".join(
        (
            f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}{' with changes' * bool(changed)}, `{command}`",
            f"- {model}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}",
            f"- {database_version}, Python {platform.python_version()}, "
            + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        )
    )


def speed(results: Results, size: int, servers: Sequence[str], connections: int) -> str:
    """Return a table of every call by server, at one size and number of connections."""
    ours, others = servers[0], servers[1:]
    head = ["call", "req/s", "p50 ms", "p95", "p99", "CPU ms", "PostgreSQL ms"]
    head += [f"{name} {figure}" for figure in ("req/s", "CPU ms") for name in others] + [f"÷ {name}" for name in others]
    rows = []
    for call in dict.fromkeys(call for s, call, _, c in results if s == size and c == connections):
        own = middle(results[size, call, ours, connections])
        rest = [middle(b) if (b := results.get((size, call, name, connections))) else None for name in others]
        row = [call, _figure(own.rate), *map(_figure, (own.p50, own.p95, own.p99, own.cpu, own.database))]
        row += [_figure(other.rate if other else None) for other in rest]
        row += [_figure(other.cpu if other else None) for other in rest]
        row += [f"**{_figure(own.rate / other.rate)}×**" if other and other.rate else "–" for other in rest]
        rows.append(row)
    return _table(head, rows)


def growth(results: Results, server: str) -> str:
    """Return a table of the p50 of each call in ms by the number of leads, at the fewest connections measured."""
    sizes = sorted({size for size, *_ in results})
    rows = []
    for call in dict.fromkeys(call for _, call, _, _ in results):
        fewest = min(connections for _, name, _, connections in results if name == call)
        times = [middle(b).p50 if (b := results.get((size, call, server, fewest))) else None for size in sizes]
        last = f"{_figure(times[-1] / times[0])}×" if times[0] and times[-1] else "–"
        rows.append([call, *map(_figure, times), last])
    return _table(["call", *(f"{size:,} leads" for size in sizes), "growth"], rows)


def statements(counts: dict[str, dict[str, int]]) -> str:
    """Return a table of the statements a request by call and server, including those of transactions."""
    names = list(counts)
    rows = [[call, *(str(counts[name].get(call, "–")) for name in names)] for call in counts[names[0]]]
    return _table(["call", *names], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---", *["---:"] * (len(head) - 1)], *rows)]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
