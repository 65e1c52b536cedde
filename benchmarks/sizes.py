"""What a lead and a write cost PostgreSQL in bytes: ``python -m benchmarks.sizes`` at a filled ``DATABASE_URL``.

The write-ahead log is measured by its position, so nothing else may write to the server. Right after a checkpoint, each
page is logged whole when it is changed first; later writes to it log the changes alone, until the next checkpoint. The
first figure is of leads all over the table, the second of the same leads again.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import orjson
import psycopg

from benchmarks import report
from benchmarks.fill import version_of
from benchmarks.imports import write_leads

TITLE = "Bytes a lead and a write"
RELATIONS = """
SELECT relname, relkind = 'i', pg_relation_size(oid) + CASE WHEN reltoastrelid > 0
    THEN pg_total_relation_size(reltoastrelid) ELSE 0 END, reltuples::bigint
FROM pg_class WHERE oid = %(table)s::regclass OR oid IN (SELECT indexrelid FROM pg_index
    WHERE indrelid = %(table)s::regclass)
ORDER BY relkind DESC, 3 DESC
"""
POSITION = "SELECT pg_current_wal_insert_lsn() - '0/0'"
EACH = 500  # writes
TIMES = {"bulk of 1,000": 10, "import of 10,000 rows, a row": 1}


def main() -> None:
    """Measure, print, and write ``RESULTS.md`` if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description=__doc__)
    parser.add_argument("--save", action="store_true", help="write the tables into benchmarks/RESULTS.md")
    asked = parser.parse_args()
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        text = "\n\n".join(
            (
                report.heading(version_of(url), " ".join(["python -m benchmarks.sizes", *sys.argv[1:]])),
                sizes(connection, "leads_lead"),
                sizes(connection, "activities_activity"),
                writes(connection),
            )
        )
    print(text)
    if asked.save:
        report.save(TITLE, text)


def sizes(connection: psycopg.Connection[Any], table: str) -> str:
    """Return the bytes per row of a table: of its heap and of each index."""
    found = connection.execute(RELATIONS, {"table": table}).fetchall()
    (rows,) = (count for _, is_index, _, count in found if not is_index)
    lines = [f"| `{table}`, {rows:,} rows | MB | bytes a row |", "| --- | ---: | ---: |"]
    total = sum(size for _, _, size, _ in found)
    for name, _, size, _ in [*found, ("all", True, total, 0)]:
        lines.append(f"| {name} | {size / 10**6:,.1f} | {size / rows:,.1f} |")
    return "\n".join(lines)


def writes(connection: psycopg.Connection[Any]) -> str:
    """Return the bytes of write-ahead log for each kind of write."""
    lines = ["| write | bytes of log right after a checkpoint | and later |", "| --- | ---: | ---: |"]
    for name, write in kinds().items():
        connection.execute("CHECKPOINT")
        figures = [_logged(connection, write, TIMES.get(name, EACH)) for _ in range(2)]
        lines.append(f"| {name} | {figures[0]:,.0f} | {figures[1]:,.0f} |")
    return "\n".join(lines)


def _logged(connection: psycopg.Connection[Any], write: Callable[[], int], times: int) -> float:
    before = _position(connection)
    rows = sum(write() for _ in range(times))
    return (_position(connection) - before) / rows


def _position(connection: psycopg.Connection[Any]) -> int:
    found = connection.execute(POSITION).fetchone()
    assert found is not None
    return int(found[0])


def kinds() -> dict[str, Callable[[], int]]:
    """Return the writes of the API and the command by name. Each returns the number of rows that it has written."""
    import django

    django.setup()
    from django.core.management import call_command

    from benchmarks.calls import calls
    from leads.models import Lead

    count = Lead.objects.order_by("-pk").values_list("pk", flat=True)[0]
    bodies = {call.name: call.bodies for call in calls(count) if call.writes}
    send, rng, first = _client(), random.Random(1), count * 10
    spread = Lead.objects.active().filter(pk__in=rng.sample(range(1, count), 1000))[:EACH]
    ids = cycle(spread.values_list("pk", flat=True))

    def create(name: str) -> int:
        return send("POST", "/api/leads", rng.choice(bodies[name]))

    def update() -> int:
        body = orjson.dumps({"status": "qualified", "budget_max": rng.randrange(900_000, 990_000)})
        return send("PUT", f"/api/leads/{next(ids)}", body)

    def log() -> int:
        return send("POST", f"/api/leads/{next(ids)}/activities", bodies["log an activity"][0])

    def load() -> int:
        nonlocal first
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "leads.csv"
            write_leads(path, 10_000, first, ("new", "new", "contacted", "closed"))
            first += 10_000
            call_command("import_leads", str(path), verbosity=0)
        return 10_000

    return {
        "create": partial(create, "create"),
        "update": update,
        "log an activity": log,
        "bulk of 1,000": partial(create, "bulk of 1,000"),
        "import of 10,000 rows, a row": load,
    }


def _client() -> Callable[[str, str, bytes], int]:
    from django.test import Client

    from benchmarks.fill import ADMIN
    from users.models import User
    from users.tokens import access_token

    headers = {"authorization": f"Bearer {access_token(User.objects.get(username=ADMIN))}"}
    client = Client(SERVER_NAME="127.0.0.1")

    def send(method: str, path: str, body: bytes) -> int:
        response = client.generic(method, path, body, "application/json", headers=headers)
        assert response.status_code < 300, response.content
        return 1

    return send


if __name__ == "__main__":
    main()
