"""``python -m benchmarks.plans``: the plans of every statement of every read at ``DATABASE_URL``, in benchmarks/plans/.

With arguments, only the plans of reads whose names have all of them, such as ``cursor``.

The statements are those that the product really sends for a call, so that no plan is of anything else.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PLANS = Path(__file__).resolve().parent / "plans"
CURSORS = ("created_at", "-created_at", "-updated_at", "-id", "name", "-name")


def main() -> None:
    """Write one file for each call."""
    import django

    django.setup()
    from django.db import connection

    from benchmarks.calls import calls
    from leads.models import Lead

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = %s", [Lead._meta.db_table])
        count = round(cursor.fetchone()[0])
    PLANS.mkdir(exist_ok=True)
    if not sys.argv[1:]:
        for old in PLANS.glob("*.txt"):
            old.unlink()
    reads = {
        call.name: call.paths[0]
        for call in calls(max(count, 1000))
        if not call.writes and call.method == "GET" and not call.ours_only
    }
    for name, path in {**reads, **list_reads()}.items():
        if all(part in name for part in sys.argv[1:]):
            text = "\n\n".join(f"{statement}\n\n{plan}" for statement, plan in explained(path))
            file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
            (PLANS / f"{file}.txt").write_text(f"-- GET {path}   ({count:,} leads)\n\n{text}\n")
            print(name, file=sys.stderr)


def list_reads() -> dict[str, str]:
    """Return calls of the list with parameters beyond the contract. Their cursors are in the middle of the list."""
    query = {
        "list, two statuses": "status=negotiation&status=lost",
        "list, open": "open=true",
        "list, inactive days": "inactive_days=30",
        "list, created_by": "created_by=me",
        "list, created in a month": "created_from=2026-01-01&created_to=2026-01-31",
        "list, closed since": "closed_from=2026-11-01&sort=-closed_at",
        "list, id": "id=1,2,3,500000",
        "list, deleted": "deleted=only",
        "list, updated_since": "updated_since=2026-11-29&after=",
        "list, updated_since, start": "updated_since=&after=",
        "list, include": "include=version,owner,created_by,tags,last_activity,next_follow_up,consent,closed_at",
        "list, sort by budget": "status=negotiation&source=radio&sort=-budget",
        "list, sort by last activity": "status=negotiation&source=radio&sort=-last_activity",
        "list, far page by name": "sort=name&page=50000",
        "list, far page by updated_at": "sort=updated_at&page=50000",
        "list, count exact": "count=exact",
        "list, count exact of a status": "status=closed&count=exact",
        "list, count exact of a filter": "status=closed&source=referral&count=exact",
        "list, count estimated": "min_budget=300000&count=estimated",
        **{f"list, cursor, {_words(sort)}": f"sort={sort}&after={cursor(sort)}" for sort in CURSORS},
        **{
            f"list, cursor, deleted too, {_words(sort)}": f"sort={sort}&deleted=include&after={cursor(sort, 'include')}"
            for sort in CURSORS
        },
    }
    return {name: f"/api/leads?{text}" for name, text in query.items()}


def _words(sort: str) -> str:
    return f"{sort.lstrip('-')}{' descending' * sort.startswith('-')}"


def cursor(sort: str, deleted: str = "") -> str:
    """Return a cursor after the lead in the middle."""
    from django.http import QueryDict

    from crm_project.http import cursors
    from crm_project.http.timestamps import iso
    from leads.filters import LeadFilter
    from leads.models import Lead

    lead = Lead.objects.active().filter(pk__gte=Lead.objects.latest("pk").pk // 2).earliest("pk")
    keys = {
        "name": lead.name_key,
        "id": lead.pk,
        "created_at": iso(lead.created_at),
        "updated_at": iso(lead.updated_at),
    }
    walk = cursors.walk_of(QueryDict(f"deleted={deleted}&sort={sort}"), LeadFilter.base_filters, sort)
    return cursors.encode(cursors.Cursor(0, keys[sort.lstrip("-")], lead.pk, None), walk)


def explained(path: str) -> Iterator[tuple[str, str]]:
    """Return the statements of a GET as the first agent with their plans, from the second run, with a warm cache."""
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
