"""What the pages of the back office read, on a database of ``benchmarks.fill``: ``python -m benchmarks.page_plans``.

Each page is really requested, and each edit is made and undone. PostgreSQL's auto_explain reports the plan of every
statement that ran; the role must be a superuser. With words, only what has one of them in its name is done; ``--save``
writes the table into ``RESULTS.md``.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from benchmarks import fill, report

GROWING = ("leads_lead", "activities_activity", "activities_followup", "leads_consent", "leads_leadchange")
TITLE = "What the pages of the back office read"
EXPLAINED = """\
All statements of a page or of an edit: their number, the rows of leads, activities, follow-ups, consents and history
that PostgreSQL read for them, their time, and the indexes by which most were read. "Stopped" are statements that their
own limit of time ended, after which the page shows an estimate or a message. The second of two runs.

A "Seq Scan" in the list of activities and in the sidebar ends at a LIMIT, and one in a report reads a table of which
the period is half. Searches that have no three letters in a row read all leads, for at most five seconds. The bulk
edits are of some 570 leads; dealing out counts the open leads of whoever gets some."""
REPORTS = ("activities", "sources", "stages", "response-times")
LEADS, LEAD = "/admin/leads/lead/", 77_777
EXPLAIN = """
LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on; SET auto_explain.log_format = json; SET auto_explain.log_level = notice
"""


class Plans:
    """The statements of one page: how many, their plans, and how many were stopped."""

    def __init__(self) -> None:
        self.number, self.stopped = 0, 0
        self.plans: list[tuple[float, dict[str, Any]]] = []

    def add(self, message: str) -> None:
        """Take a notice of auto_explain."""
        if found := re.match(r"duration: ([\d.]+) ms  plan:\n", message):
            self.plans.append((float(found[1]), json.loads(message[found.end() :])))

    def run(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Count a statement; to be used as a wrapper of the connection."""
        self.number += 1
        try:
            return execute(sql, params, many, context)
        except Exception:
            self.stopped += 1
            raise

    def row(self, name: str) -> str:
        """Return the row of the table."""
        scans = [scan for _, plan in self.plans for scan in _scans(plan["Plan"])]
        rows, ways = sum(read for _, read in scans), dict[str, int]()
        for way, read in scans:
            ways[way] = ways.get(way, 0) + read
        most = ", ".join(sorted(ways, key=lambda way: -ways[way])[:3])
        milliseconds = sum(duration for duration, _ in self.plans)
        stopped = f", {self.stopped} stopped" if self.stopped else ""
        return f"| {name} | {self.number}{stopped} | {rows:,} | {milliseconds:,.1f} | {most} |"


def _scans(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield how each growing table is read, and how many of its rows are."""
    if node.get("Relation Name") in GROWING and node["Node Type"] not in ("ModifyTable", "Update"):
        removed = sum(node.get(f"Rows Removed by {cause}", 0) for cause in ("Filter", "Index Recheck"))
        way = node.get("Index Name") or f"**{node['Node Type']}** of {node['Relation Name']}"
        if node["Node Type"] == "Bitmap Heap Scan":
            way = next((name for name in _indexes(node)), way)
        yield way, round((node.get("Actual Rows", 0) + removed) * node.get("Actual Loops", 1))
    for below in node.get("Plans", ()):
        yield from _scans(below)


def _indexes(node: dict[str, Any]) -> Iterator[str]:
    for below in node.get("Plans", ()):
        if name := below.get("Index Name"):
            yield name
        yield from _indexes(below)


@contextmanager
def explained() -> Iterator[Plans]:
    """Collect the plans of what runs in the block."""
    from django.db import connection

    plans = Plans()
    connection.ensure_connection()
    postgresql: Any = connection.connection
    with connection.cursor() as cursor:
        cursor.execute(EXPLAIN)

    def notice(diagnostic: Any) -> None:
        plans.add(diagnostic.message_primary)

    postgresql.add_notice_handler(notice)
    try:
        with connection.execute_wrapper(plans.run):
            yield plans
    finally:
        postgresql.remove_notice_handler(notice)


def jobs(manager: Any, agent: Any) -> dict[str, Callable[[], object]]:
    """Return what is measured, by name: requests of a manager and an agent, and work of commands."""
    from django.utils import timezone

    from activities import reminders
    from leads.models import Lead
    from users.calendar_links import CalendarLink
    from users.models import User

    today, user, lead = timezone.localdate(), User.objects.get(username="agent0"), Lead.objects.get(pk=LEAD)
    got: dict[str, Callable[[], object]] = {}
    periods = {"a week": today - timedelta(days=6), "a year": today - timedelta(days=365)}
    filters = {"": "", ", an owner": f"&owner={user.pk}", ", a source": "&source=radio"}
    for name in REPORTS:
        for period, first in periods.items():
            for about, more in filters.items():
                path = f"/admin/reports/?report={name}&first={first}&last={today}{more}"
                got[f"Report: {name}, {period}{about}"] = _get(manager, path)
    _, calendar = CalendarLink.objects.renew(user)
    paths = {
        "Home of a manager": "/admin/",
        "Today, one agent": f"/admin/?agent={user.pk}",
        "The list": LEADS,
        "The list, status": f"{LEADS}?status=new",
        "The list, search": f"{LEADS}?q=garcia",
        "The list, owner": f"{LEADS}?owner={user.pk}",
        "The list, a frequent tag": f"{LEADS}?tag=vip",
        "The list, a rare tag": f"{LEADS}?tag=expat",
        "The list, may be called": f"{LEADS}?contactable=call",
        "The list, overdue": f"{LEADS}?due=overdue",
        "The list, none planned": f"{LEADS}?due=none",
        "The list, no activity for 2 weeks": f"{LEADS}?status=:open&inactive=14",
        "The fields of the filters": f"{LEADS}filters/",
        "Activities": "/admin/activities/activity/",
        "A lead": f"{LEADS}{LEAD}/change/",
        "The history of a lead": f"{LEADS}{LEAD}/history/",
        "Find: a number": f"{LEADS}find/?{urlencode({'q': lead.phone})}",
        "Find: Last, First": f"{LEADS}find/?{urlencode({'q': f'{lead.last_name}, {lead.first_name}'})}",
        "Find: an email": f"{LEADS}find/?{urlencode({'q': lead.email})}",
        "Find: two letters that no lead has": f"{LEADS}find/?q=qz",
    }
    got |= {name: _get(manager, path) for name, path in paths.items()}
    got["Today of an agent"] = _get(agent, "/admin/")
    got["The calendar"] = _get(agent, calendar)
    got["Reminders: recipients"] = lambda: list(reminders.recipients(today))
    got["Reminders: a mail"] = lambda: reminders.message_to(user, today)
    return got | _edits(manager) | {"The sidebar: numbers of four saved views": partial(_count_views, manager)}


def _count_views(client: Any) -> None:
    from django.core.cache import cache

    from leads.models import SavedView
    from users.models import User

    boss = User.objects.get(username=fill.ADMIN)
    for query in ("status=:open&tag=vip", "due=overdue&owner=me", "contactable=call&status=new", "q=garcia"):
        SavedView.objects.update_or_create(user=boss, name=query, defaults={"query": query})
    cache.clear()
    client.get("/admin/reminders/")
    SavedView.objects.filter(user=boss).delete()


def _get(client: Any, path: str) -> Callable[[], object]:
    def get() -> None:
        reply = client.get(path)
        assert reply.status_code in (200, 302), (path, reply.status_code)

    return get


def _edits(manager: Any) -> dict[str, Callable[[], object]]:
    """Return edits of some thousand leads, each of which is undone before the next one."""
    from leads.models import Lead
    from leads.selection import summarize
    from users.models import User

    user = User.objects.get(username="agent0")
    query = "?status=negotiation&source=radio"
    chosen = Lead.objects.active().in_status("negotiation").from_source("radio")

    def edit(action: str, **fields: Any) -> Callable[[], object]:
        def post() -> None:
            size, id_sum = summarize(chosen)
            form = {"action": action, "select_across": "1", "_selected_action": "0", "confirmed": f"{size}-{id_sum}"}
            reply = manager.post(LEADS + query, form | fields)
            assert reply.status_code == 302, reply.content[:500]

        return post

    undo = lambda: manager.post(LEADS, {"_undo_edit": "1"})  # noqa: E731
    got: dict[str, Callable[[], object]] = {}
    edits = {
        "set the owner": ("set_owner", {"owner": str(user.pk)}),
        "deal out": ("deal_out", {"owners": [str(user.pk)]}),
        "tags": ("change_tags", {"add": "spring", "remove": ""}),
        "status": ("set_status", {"status": "qualified"}),
        "delete": ("delete_softly", {}),
    }
    for name, (action, fields) in edits.items():
        got[f"Bulk edit: {name}"] = edit(action, **fields)
        got[f"Undo of it: {name}"] = undo
    return got


def clients() -> tuple[Any, Any]:
    """Return the browsers of the administrator and of an agent."""
    from django.contrib.auth.models import Group
    from django.test import Client

    from users.models import User
    from users.permissions import STAFF

    boss, agent = User.objects.get(username=fill.ADMIN), User.objects.get(username="agent0")
    User.objects.filter(pk=agent.pk).update(is_staff=True)
    agent.groups.add(Group.objects.get(name=STAFF))
    browsers = Client(), Client()
    for browser, user in zip(browsers, (boss, agent), strict=True):
        browser.force_login(user)
    return browsers


def main() -> None:
    """Print the table."""
    import django

    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["testserver"]
    lines = ["| page or edit | statements | rows read | ms | by |", "| --- | ---: | ---: | ---: | --- |"]
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    for name, job in jobs(*clients()).items():
        if wanted and not any(part in name for part in wanted):
            continue
        if not name.startswith(("Bulk", "Undo")):
            job()
        with explained() as plans:
            job()
        lines.append(plans.row(name))
        print(lines[-1], file=sys.stderr)
    text = "\n".join(lines)
    print(text)
    if "--save" in sys.argv:
        version = fill.version_of(os.environ["DATABASE_URL"])
        report.save(TITLE, f"{report.heading(version, 'python -m benchmarks.page_plans')}\n\n{EXPLAINED}\n\n{text}")


if __name__ == "__main__":
    main()
