"""``python -m benchmarks.plans``: the plans of every statement of every read at ``DATABASE_URL``, in benchmarks/plans/.

The statements are those that the product really sends for a call, so that no plan is of anything else.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PLANS = Path(__file__).resolve().parent / "plans"


def main() -> None:
    """One file for each call."""
    import django

    django.setup()
    from django.db import connection

    from benchmarks.calls import calls
    from leads.models import Lead

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [Lead._meta.db_table])
        count = round(cursor.fetchone()[0])
    PLANS.mkdir(exist_ok=True)
    for old in PLANS.glob("*.txt"):
        old.unlink()
    for call in calls(max(count, 1000)):
        if not call.writes and call.method == "GET" and not call.ours_only:
            text = "\n\n".join(f"{statement}\n\n{plan}" for statement, plan in explained(call.paths[0]))
            name = re.sub(r"[^a-z0-9]+", "-", call.name.lower()).strip("-")
            (PLANS / f"{name}.txt").write_text(f"-- GET {call.paths[0]}   ({count:,} leads)\n\n{text}\n")
            print(call.name, file=sys.stderr)


def explained(path: str) -> Iterator[tuple[str, str]]:
    """The statements of a GET as the first agent, and their plans; the second run's, when pages are in memory."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from users.models import User
    from users.tokens import access_token

    client = Client(headers={"Authorization": f"Bearer {access_token(User.objects.get(username='agent0'))}"})
    with CaptureQueriesContext(connection) as captured:
        reply = client.get(path, headers={"Host": "localhost"})
    assert reply.status_code == 200, reply.content
    for query in (one for one in captured.captured_queries if one["sql"].lstrip().startswith("SELECT")):
        with connection.cursor() as cursor:
            for _ in range(2):
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {query['sql'].replace('%', '%%')}", [])
                plan = "\n".join(line for (line,) in cursor.fetchall())
        yield query["sql"], plan


if __name__ == "__main__":
    main()
