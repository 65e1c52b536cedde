"""How fast ``import_leads`` is beside the database's own loader: ``python -m benchmarks.imports [--rows N]``.

The yardstick is ``psql \\copy`` (``sqlite3 .import`` on SQLite) of the finished rows, derived columns included, into
the same table with the same indexes. Both load the same leads in turn, into an empty table and into one that already
holds as many, several rounds; the table shows medians. Ours also loads the first leads with a tenth of the rows untidy:
cells to be repaired, and half of them with something left over, which becomes a note. Nothing of ours runs in the
yardstick: no parsing of headers, no rules, no folding, no account.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg

from benchmarks import fill, report

EXPLAINED = """\
Times hold the start of Python. CPU is that of the loader's own processes, PostgreSQL's apart; MB is the larger of ours.
The yardstick is `psql \\copy` or `sqlite3 .import` of the finished rows into the same indexed table.
Since 1 December 2026, the rows of `psql \\copy` have `name_key` and `import_run_id`, which two indexes are of; before,
the yardstick filled these with one value and with nothing."""
PROJECT = Path(__file__).resolve().parent.parent
ADMIN = os.environ.get("BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
FIRST = ["Ada", "John", "Maria", "Émile", "Chen", "Olga", "Ruth", "Ahmed"]
LAST = ["Smith", "Lovelace", "Ng", "Ortiz", "Müller", "O'Neil", "García"]
HEADER = "First Name,Last Name,Email,Phone,Status,Source,Budget Min,Budget Max,Property Interest\n"
# sqlite3's .import stores "" for an empty value, so on SQLite every lead is closed: both loaders index each closed_at.
STATUSES = {"PostgreSQL": ("new", "new", "contacted", "closed"), "SQLite": ("closed",)}


def write_leads(path: Path, rows: int, first: int, statuses: Sequence[str]) -> None:
    """Write a CSV file in the form of a portal's export: nine columns, only valid rows, no duplicates."""
    random = Random(first)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for n in range(first, first + rows):
            low = random.randrange(100, 900) * 1000
            file.write(
                f"{random.choice(FIRST)},{random.choice(LAST)}{n % 977},lead{n}@example.com,+1-555-{n:07d},"
                f"{random.choice(statuses)},{random.choice(('website', 'referral'))},"
                f"{low},{low + 150000},{random.randrange(1, 5)}BR condo near the park\n"
            )


def write_untidy(path: Path, tidy: Path) -> None:
    """Write the same leads; a tenth of the rows has a cell to be repaired."""
    with tidy.open(encoding="utf-8") as rows, path.open("w", encoding="utf-8") as file:
        for n, row in enumerate(rows):
            cells = row.split(",")
            if n and n % 10 == 0:
                place, text = UNTIDY[n // 10 % len(UNTIDY)]
                cells[place] = text.format(cell=cells[place], n=n)
            file.write(",".join(cells))


# A column, and the new text of its cell. The import repairs the first three; the others leave a rest for a note.
UNTIDY = (
    (0, "{cell}\u200b"),
    (1, "O&#039;{cell}"),
    (2, "<{cell}>"),
    (2, "{cell}; work{n}@example.com"),
    (3, "{cell} / 555-777-0101"),
    (6, "$1900/mo"),
)
AUTHOR = (
    "from users.models import User; User.objects.create_superuser('boss', 'boss@example.com', 'x7Kq-only-a-benchmark')"
)

Times = dict[str, list["LoadCost"]]


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of an empty, migrated database on PostgreSQL."""
    name = f"crm_bench_import_{os.getpid()}"
    with psycopg.connect(ADMIN, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
        url = urlsplit(ADMIN)._replace(path=f"/{name}").geturl()
        try:
            manage(url, "migrate", "-v0")
            yield url
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def sqlite() -> Iterator[str]:
    """Yield the URL of an empty, migrated database on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        manage(url, "migrate", "-v0")
        yield url


class LoadCost(NamedTuple):
    """The cost of a command: seconds, CPU seconds of its processes, MB of the larger one."""

    seconds: float
    cpu: float
    megabytes: float


def manage(url: str, *arguments: str) -> LoadCost:
    """Run a management command on a database, and return its cost."""
    env = {**os.environ, "DATABASE_URL": url, "ENV_FILE": "", "SECRET_KEY": "benchmark-only-" + "x7Kq" * 8}
    return run([sys.executable, "manage.py", *arguments], env=env)


def run(command: list[str], text: str = "", env: dict[str, str] | None = None) -> LoadCost:
    """Run a command, and return its cost."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as given:
        given.write(text.encode())
        given.seek(0)
        process = subprocess.Popen(command, stdin=given, stdout=subprocess.DEVNULL, cwd=PROJECT, env=env)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[:3]} failed")
    return LoadCost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


# All that an import fills, but for ids and what the database sets itself.
COLUMNS = (
    "first_name, last_name, email, phone, status, source, budget_min, budget_max, property_interest, is_active,"
    " created_at, updated_at, activity_count, version, closed_at, search, source_key, email_key, person_key, name_key,"
    " import_run_id"
)


def psql(url: str, path: Path) -> LoadCost:
    """Load the finished rows with ``\\copy``, and return the cost."""
    return run(["psql", "-q", url, "-c", f"\\copy leads_lead ({COLUMNS}) FROM '{path}' WITH (FORMAT csv)"])


def psql_dump(url: str, path: Path, above: int) -> None:
    """Write the finished rows of an import to a file for the yardstick."""
    query = f"SELECT {COLUMNS} FROM leads_lead WHERE id > {above} ORDER BY id"
    run(["psql", "-q", url, "-c", f"\\copy ({query}) TO '{path}' WITH (FORMAT csv)"])


def sqlite3_load(url: str, path: Path) -> LoadCost:
    """Load the finished rows, with their ids, with ``.import``, and return the cost.

    It stores "" for an empty value, which the check and the index of ``merged_into`` would reject: it runs without
    both.
    """
    database = url.removeprefix("sqlite:///")
    without = "PRAGMA ignore_check_constraints=ON;\nDROP INDEX IF EXISTS leads_merged_into;\n"
    load = f"PRAGMA journal_mode=WAL;\n.mode csv\n.import {path} leads_lead\n"
    return run(["sqlite3", "-bail", database], without + load)


def sqlite3_dump(url: str, path: Path, above: int) -> None:
    """Write the finished rows of an import to a file for the yardstick."""
    database = url.removeprefix("sqlite:///")
    run(["sqlite3", database], f".mode csv\n.once {path}\nSELECT * FROM leads_lead WHERE id > {above};\n")


LOADERS = {"PostgreSQL": (postgresql, psql, psql_dump), "SQLite": (sqlite, sqlite3_load, sqlite3_dump)}


def measure(kind: str, rows: int, rounds: int, folder: Path) -> list[str]:
    """Measure one database, and return the lines of the report."""
    fresh, load, dump = LOADERS[kind]
    first, second, untidy = folder / "first.csv", folder / "second.csv", folder / "untidy.csv"
    write_untidy(untidy, first)
    finished = [folder / "finished-first.csv", folder / "finished-second.csv"]
    times: Times = {}
    for _ in range(rounds):
        with fresh() as url:
            note(times, "ours, first load", manage(url, "import_leads", str(first), "-v0"))
            dump(url, finished[0], 0)
            note(times, "ours, second load", manage(url, "import_leads", str(second), "-v0"))
            dump(url, finished[1], rows)
            again = manage(url, "import_leads", str(second), "-v0", "--again", "--on-duplicate", "skip")
            note(times, "ours, second load again, all found to be duplicates", again)
        with fresh() as url:
            note(times, "yardstick, first load", load(url, finished[0]))
            note(times, "yardstick, second load", load(url, finished[1]))
        with fresh() as url:
            cost = manage(url, "import_leads", str(first), "-v0", "--on-duplicate", "skip")
            note(times, "ours, first load, duplicates looked for", cost)
        with fresh() as url:
            manage(url, "shell", "-v0", "-c", AUTHOR)
            note(times, "ours, first load, a tenth untidy", manage(url, "import_leads", str(untidy), "-v0"))
    return table(kind, rows, times)


def note(times: Times, what: str, cost: LoadCost) -> None:
    """Store one measurement, and print it."""
    times.setdefault(what, []).append(cost)
    print(f"  {what}: {cost.seconds:.1f} s, CPU {cost.cpu:.1f} s, {cost.megabytes:.0f} MB", file=sys.stderr)


def table(kind: str, rows: int, times: Times) -> list[str]:
    """Return the table: medians, rows per second, and their ratio to the yardstick's."""
    head = (f"{kind}, {rows:,} rows", "seconds", "rows/s", "to the yardstick", "CPU µs a row", "MB")
    lines = [f"| {' | '.join(head)} |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    yardstick = {load: _median(times[f"yardstick, {load} load"]) for load in ("first", "second")}
    for what, cost in sorted((what, _median(several)) for what, several in times.items()):
        ratio = yardstick["first" if "first" in what else "second"].seconds / cost.seconds
        figures = (f"{cost.seconds:.1f}", f"{rows / cost.seconds:,.0f}", f"{ratio:.2f}", f"{cost.cpu / rows * 1e6:.1f}")
        lines.append(f"| {what} | {' | '.join(figures)} | {cost.megabytes:.0f} |")
    return lines


def _median(several: Sequence[LoadCost]) -> LoadCost:
    return LoadCost(*(median(figures) for figures in zip(*several, strict=True)))


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=LOADERS)
    parser.add_argument("--save", action="store_true", help="write benchmarks/RESULTS.md")
    options = parser.parse_args()
    command = f"python -m benchmarks.imports {' '.join(sys.argv[1:])}"
    parts = [report.heading(f"{fill.version_of(ADMIN)}, {fill.version_of('sqlite:')}", command), EXPLAINED]
    for kind in [options.only] if options.only else LOADERS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_leads(folder / "first.csv", options.rows, 0, STATUSES[kind])
            write_leads(folder / "second.csv", options.rows, options.rows, STATUSES[kind])
            parts.append("\n".join(measure(kind, options.rows, options.rounds, folder)))
            print(parts[-1], end="\n\n")
    if options.save:
        report.save("The bulk import", "\n\n".join(parts))


if __name__ == "__main__":
    main()
