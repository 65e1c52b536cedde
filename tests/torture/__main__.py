"""``python -m tests.torture``: longer reliability tests, with measurements. ``make torture`` runs it.

Exit code 1 where anything that is promised did not hold. ``--save`` writes the figures into docs/reliability.md.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.live import PROJECT
from tests.torture.campaign import Report, campaign, fight_on
from tests.torture.cluster import own_cluster, programs
from tests.torture.fire import Fire, under_fire
from tests.torture.outage import Outages, outages

DOCUMENT = PROJECT / "docs" / "reliability.md"
START, END = "<!-- figures of `make torture` -->\n", "<!-- end of figures -->\n"


def kills_on_sqlite(kills: int, seed: int) -> Report:
    """Return a campaign on a file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        campaign(f"sqlite:///{folder}/t.db", None, Path(folder), seed) as fight,
    ):
        return fight_on(fight, kills)


def kills_on_postgresql(kills: int, seed: int) -> Report:
    """Return a campaign on a new PostgreSQL cluster."""
    with (
        tempfile.TemporaryDirectory() as folder,
        own_cluster() as cluster,
        campaign(cluster.url, cluster, Path(folder), seed) as fight,
    ):
        return fight_on(fight, kills)


def lines_of_kills(report: Report) -> Iterator[str]:
    """Yield the results of a campaign as lines of Markdown."""
    kills = ", ".join(f"{number} of {what}" for what, number in sorted(report.kills.items()))
    seen, imports = report.totals, report.imports
    recovery = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in sorted(report.recovery.items()))
    sent, acknowledged, rows = (f"{seen[name]:,}" for name in ("writes", "acknowledged", "rows acknowledged"))
    killed = f"{imports['killed']} killed ({imports['killed in the middle']} while loading)"
    yield f"**Kills on {report.database}**: {report.kills.total()} ({kills}), all stored data checked after each."
    yield ""
    yield f"- {sent} writes sent, {acknowledged} acknowledged ({rows} new rows)"
    unknown = "without an acknowledgement (not connected, reply lost, 503): each processed completely or not at all"
    yield f"- {seen['open']:,} {unknown}"
    refused = f"{imports['refused']} refused because the database became unavailable"
    yield f"- imports: {imports['done']} completed, {killed}, {refused}"
    yield f"- lost, incomplete or miscounted: {len(report.findings)}; `manage.py verify`: {report.verified}"
    yield f"- longest time until every client could write again: {recovery}"
    yield ""


def lines_of_outages(found: Outages) -> Iterator[str]:
    """Yield the results of outages."""
    replies = ", ".join(f"{number:,} × {status}" for status, number in sorted(found.replies.items()))
    yield f"**PostgreSQL stopped or killed, and started again** {found.outages} times: {replies}."
    yield ""
    yield f"- longest wait for a 503: {found.longest_refusal:.2f} s"
    yield f"- last reply but 200 after PostgreSQL took connections again: {found.longest_recovery:.2f} s later"
    yield f"- connections open at the end: {found.connections} (2 workers of 4 threads)"
    yield ""


def lines_of_fire(fire: Fire) -> Iterator[str]:
    """Yield the results of SQLite under load."""
    seen = fire.totals
    reads = f"median {1000 * fire.median_read:.0f} ms, longest {max(fire.reads):.2f} s"
    yield "**SQLite under load**: 4 workers, 16 writers, one reader, and at first an import, which is one long write."
    yield ""
    yield f"- {seen['acknowledged']:,} writes acknowledged ({seen['rows acknowledged']:,} rows)"
    beside, alone = fire.beside / fire.import_seconds, fire.acknowledged / fire.seconds
    yield f"- {beside:.0f} writes/s during the import, {alone:.0f}/s without it"
    yield f"- {seen['503']:,} × 503; the longest wait for the reply to a write: {fire.longest_write:.1f} s"
    yield f"- the import stored {fire.imported:,} leads in {fire.import_seconds:.1f} s"
    yield f"- {len(fire.reads):,} reads of the dashboard, {fire.reads_refused.total()} refused; {reads}"
    yield f"- wrong replies or wrong data: {len(fire.findings)}"
    yield ""


def main() -> int:
    """Run the selected parts and print the results; return 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--kills", type=int, default=50, help="on each database")
    parser.add_argument("--outages", type=int, default=12)
    parser.add_argument("--rows", type=int, default=150_000, help="of the import under fire")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "fire", "outages"), action="append")
    parser.add_argument("--save", action="store_true", help="write the figures into docs/reliability.md")
    asked = parser.parse_args()
    wanted = asked.only or ["sqlite", "fire", *(["postgresql", "outages"] if programs() else [])]
    began, wrong, lines = time.monotonic(), [], []
    for part in wanted:
        printed, findings = run(part, asked)
        lines += printed
        wrong += findings
        print("\n".join(printed), flush=True)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    took = f"{(time.monotonic() - began) / 60:.0f} minutes"
    lines.append(f"Measured on {time.strftime('%Y-%m-%d')} in {took} ({machine}, seed {asked.seed}).")
    if asked.save:
        save(lines)
    print("\n".join(wrong[:50]))
    return 1 if wrong else 0


def run(part: str, asked: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Run a part; return its lines and findings."""
    if part in ("sqlite", "postgresql"):
        report = (kills_on_sqlite if part == "sqlite" else kills_on_postgresql)(asked.kills, asked.seed)
        return list(lines_of_kills(report)), report.findings
    with tempfile.TemporaryDirectory() as folder:
        if part == "fire":
            fire = under_fire(Path(folder), 16, asked.rows, WORKERS="4", THREADS="4")
            refused = [f"{number} reads were a {status}" for status, number in fire.reads_refused.items()]
            return list(lines_of_fire(fire)), fire.findings + refused
        with own_cluster() as cluster:
            found = outages(cluster, Path(folder), asked.outages, asked.seed)
        odd = [f"{number} replies of {status}" for status, number in found.replies.items() if status not in (200, 503)]
        return list(lines_of_outages(found)), odd


def save(lines: list[str]) -> None:
    """Write the lines into the document, between the markers."""
    text = DOCUMENT.read_text()
    before, rest = text.split(START)
    DOCUMENT.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    sys.exit(main())
