"""Comparison of all stored data, read with the database's own driver, with the ledgers of the writers.

Each finding is one sentence; none at all is what is promised.
"""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.torture.ledger import ACKNOWLEDGED, OPEN, REFUSED, Batch, Ledger

Rows = list[tuple[Any, ...]]


def rows(database_url: str, statement: str) -> Rows:
    """Return the rows of a statement."""
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(f"file:{sqlite_file(database_url)}?mode=ro", uri=True)) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(database_url, options="-c timezone=UTC") as connection:
        return connection.execute(statement).fetchall()


def settle(database_url: str) -> None:
    """Return when PostgreSQL has ended the transactions of killed clients."""
    busy = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()"
    )
    while not database_url.startswith("sqlite") and rows(database_url, busy) != [(0,)]:
        threading.Event().wait(0.02)


def sqlite_file(database_url: str) -> Path:
    """Return the file of an absolute SQLite URL."""
    return Path("/" + database_url.removeprefix("sqlite:///").partition("?")[0].lstrip("/"))


def findings(database_url: str, books: list[Ledger], dashboard: dict[str, Any]) -> list[str]:
    """Return all inconsistencies; there must be no writers."""
    return [
        *_batches(database_url, books),
        *_updates(database_url, books),
        *_counts(database_url),
        *_dashboard(database_url, dashboard),
        *_imports(database_url),
        *(line for book in books for line in book.wrong),
    ]


def _batches(url: str, books: list[Ledger]) -> Iterator[str]:
    for kind, table, column in (("leads", "leads_lead", "source"), ("activities", "activities_activity", "title")):
        ids: dict[str, set[int]] = {}
        for tag, number in rows(url, f"SELECT {column}, id FROM {table}"):
            ids.setdefault(tag, set()).add(number)
        for book in books:
            for tag, batch in getattr(book, kind).items():
                if sentence := _fate(batch, ids.get(tag, set())):
                    yield f"{kind} {tag}: {sentence}"


def _fate(batch: Batch, found: set[int]) -> str:
    if batch.fate == ACKNOWLEDGED and set(batch.ids) != found:
        return f"acknowledged {batch.rows}, stored {len(found)}"
    if batch.fate == REFUSED and found:
        return f"refused, yet {len(found)} stored"
    if batch.fate == OPEN and len(found) not in (0, batch.rows):
        return f"stored by half: {len(found)} of {batch.rows}"
    return ""


def _updates(url: str, books: list[Ledger]) -> Iterator[str]:
    stored = {
        pk: rest for pk, *rest in rows(url, "SELECT id, coalesce(property_interest, ''), is_active FROM leads_lead")
    }
    for book in books:
        for lead, last in book.last.items():
            value, active = stored.get(lead, ("(lost)", False))
            if value not in (last, *book.maybe.get(lead, ())):
                yield f"lead {lead}: {last!r} was acknowledged, {value!r} is stored"
            if lead in book.deleted and active:
                yield f"lead {lead}: its deletion was acknowledged, but it is active"
            if lead not in book.maybe_deleted and not active:
                yield f"lead {lead}: deleted by nobody"


def _counts(url: str) -> Iterator[str]:
    wrong = rows(
        url,
        "SELECT id, activity_count FROM leads_lead WHERE activity_count <>"
        " (SELECT count(*) FROM activities_activity WHERE lead_id = leads_lead.id)",
    )
    yield from (f"lead {pk}: activity_count is {count}" for pk, count in wrong)
    odd = rows(url, "SELECT id FROM leads_lead WHERE (status = 'closed') <> (closed_at IS NOT NULL)")
    yield from (f"lead {pk}: closed_at does not fit its status" for (pk,) in odd)


def _dashboard(url: str, figures: dict[str, Any]) -> Iterator[str]:
    now = datetime.now(UTC)
    week = (now - timedelta(days=7)).strftime("%Y-%m-%d")
    statuses: Counter[str] = Counter()
    recount = dict.fromkeys(("total_leads", "total_activities", "new_leads_this_week", "closed_leads_this_month"), 0)
    columns = "status, activity_count, CAST(created_at AS text), CAST(closed_at AS text)"
    for status, activities, created, closed in rows(url, f"SELECT {columns} FROM leads_lead WHERE is_active"):
        statuses[status] += 1
        recount["total_leads"] += 1
        recount["total_activities"] += activities
        recount["new_leads_this_week"] += created[:10] >= week
        recount["closed_leads_this_month"] += status == "closed" and closed[:7] >= now.strftime("%Y-%m")
    given = {row["status"]: row["count"] for row in figures["leads_by_status"]}
    if given != dict(statuses):
        yield f"dashboard: leads_by_status is {given}, a recount gives {dict(statuses)}"
    for name, figure in recount.items():
        if figures[name] != figure:
            yield f"dashboard: {name} is {figures[name]}, a recount gives {figure}"


def _imports(url: str) -> Iterator[str]:
    stored = dict(
        rows(url, "SELECT import_run_id, count(*) FROM leads_lead WHERE import_run_id IS NOT NULL GROUP BY 1")
    )
    runs = rows(
        url, "SELECT id, state, read, created, updated, skipped, rejected FROM leads_importrun WHERE kind = 'leads'"
    )
    for pk, state, read, created, *others in runs:
        expected = created if state == "done" else 0
        if stored.pop(pk, 0) != expected:
            yield f"import {pk} ({state}): does not have the {expected} leads of its account"
        if state == "done" and read != created + sum(others):
            yield f"import {pk}: read {read} is not the sum of its account"
    yield from (f"leads of import {pk}, which has no account" for pk in stored)
