"""SQLite locked, out of disk space or damaged: 503s meanwhile, none afterwards, and no partial writes."""

import json
import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from crm_project.db.sqlite import base
from leads.models import Lead
from tests.concurrency import shared_database
from tests.factories import activity_row, lead_row, make_lead
from tests.live import LiveServer, migrated_file
from tests.reliability.test_outages_postgresql import is_unavailable
from tests.server.wire import nothing_came, post_head
from tests.torture.crm import Crm

pytestmark = pytest.mark.skipif(not settings.DATABASE_URL.startswith("sqlite"), reason="is about SQLite alone")


@contextmanager
def office(folder: Path, wait: str = "0.5", **variables: str) -> Iterator[tuple[LiveServer, dict[str, str], Path]]:
    """A server that waits ``wait`` seconds for locks, an agent's token, and the database's file."""
    file = folder / "office.db"
    crm = Crm(f"{migrated_file(file)}?timeout={wait}", folder, WORKERS="1", **variables)
    try:
        server = crm.start()
        yield server, server.token("agent"), file
    finally:
        crm.stop()


@contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a write transaction, like that of a long import."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")


def test_behind_a_long_write(tmp_path: Path) -> None:
    with office(tmp_path) as (server, token, file):
        lead = server.send("POST", "/api/leads", lead_row(), token).json()["id"]
        path = f"/api/leads/{lead}"
        with writing(file):
            is_unavailable(server.send("POST", "/api/leads", lead_row(), token))
            is_unavailable(server.send("POST", "/api/leads", [lead_row()] * 50, token))
            is_unavailable(server.send("PUT", path, {"status": "lost"}, token))
            is_unavailable(server.send("POST", f"{path}/activities", activity_row(), token))
            assert [row["status"] for row in server.send("GET", "/api/leads", headers=token).json()] == ["new"]
            assert server.send("GET", "/api/dashboard", headers=token).json()["total_leads"] == 1
        assert server.send("PUT", path, {"status": "lost"}, token).status == 200
        assert "Traceback" not in server.log.read_text()


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit all files of the server, and so SQLite's log, to four megabytes."""
    import subprocess

    popen = subprocess.Popen
    limit = 4 * 2**20
    bound = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # noqa: E731
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **how: popen(*args, **how, preexec_fn=bound))
    with office(tmp_path) as (server, token, file):
        monkeypatch.undo()
        replies = [server.send("POST", "/api/leads", bulk(number), token) for number in range(30)]
        is_unavailable(next(reply for reply in replies if reply.status != 201))
        assert {reply.status for reply in replies} == {201, 503}
        with closing(sqlite3.connect(file)) as database:
            stored = [row[0] for row in database.execute("SELECT count(*) FROM leads_lead GROUP BY source")]
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert stored == [200] * sum(reply.status == 201 for reply in replies)
        assert server.send("GET", "/api/dashboard", headers=token).json()["total_leads"] == sum(stored)
        assert "Traceback" not in server.log.read_text()


def bulk(number: int) -> list[dict[str, Any]]:
    """Return two hundred leads of one source."""
    return [lead_row(source=f"bulk {number}", property_interest="x" * 500) for _ in range(200)]


def test_a_damaged_file(tmp_path: Path) -> None:
    with office(tmp_path) as (server, token, file):
        for ending in ("-wal", "-shm"):
            Path(f"{file}{ending}").unlink(missing_ok=True)
        file.write_bytes(b"This is no database. " * 1000)
        is_unavailable(server.send("GET", "/api/dashboard", headers=token))
        is_unavailable(server.send("POST", "/api/leads", lead_row(), token))
        assert server.send("GET", "/").status == 200
        others = [
            line for line in server.log.read_text().splitlines() if '"request_id"' not in line and '"time"' in line
        ]
        assert others == []  # each outage is logged once, with its request's id


def test_the_admin_says_so_too(tmp_path: Path) -> None:
    with office(tmp_path) as (server, _, file):
        file.write_bytes(b"This is no database. " * 1000)
        page = server.send("GET", "/admin/", headers={"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv"})
        assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert b"try again" in page.body


def test_writes_that_wait_do_not_keep_reads_waiting(tmp_path: Path) -> None:
    """More requests than the worker has threads."""
    with office(tmp_path, wait="8", THREADS="2") as (server, token, file), ExitStack() as stack:
        body = json.dumps(lead_row()).encode()
        head = post_head("/api/leads", f"Authorization: {token['Authorization']}", f"Content-Length: {len(body)}")
        with writing(file):
            waiting = [stack.enter_context(server.connect()) for _ in range(6)]
            for connection in waiting:
                connection.sendall(head + body)
            for _ in range(20):
                assert server.send("GET", "/api/dashboard", headers=token).json()["total_leads"] == 0
            assert any(nothing_came(connection) for connection in waiting)  # so they were still at it


def test_all_who_queue_up_behind_a_long_write_are_turned_away(tmp_path: Path) -> None:
    """Whether they waited for a thread, for the lock, or for both."""
    with office(tmp_path, wait="1", THREADS="2") as (server, token, file):
        with writing(file), ThreadPoolExecutor(8) as crowd:
            sent = [crowd.submit(server.send, "POST", "/api/leads", lead_row(), token) for _ in range(8)]
            for reply in sent:
                is_unavailable(reply.result())
        assert server.send("POST", "/api/leads", lead_row(), token).status == 201
        assert server.send("GET", "/api/dashboard", headers=token).json()["total_leads"] == 1
        assert "Traceback" not in server.log.read_text()


@pytest.mark.django_db(transaction=True)
def test_a_lead_waits_for_the_lock_beyond_the_first_moment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_busy_timeout, counted = base.DatabaseWrapper.set_busy_timeout, []
    with shared_database(tmp_path):
        make_lead()
        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:

            def letting_go(self: Any) -> Any:
                if other.in_transaction:
                    other.execute("ROLLBACK")
                return set_busy_timeout(self)

            other.execute("BEGIN IMMEDIATE")
            monkeypatch.setattr(base, "POLL_TIME", 0)
            monkeypatch.setattr(base.DatabaseWrapper, "set_busy_timeout", letting_go)
            with connection.execute_wrapper(lambda execute, *given: counted.append(given[0]) or execute(*given)):
                lead = make_lead()
            monkeypatch.undo()
        assert Lead.objects.latest("pk") == lead
        assert Lead.objects.count() == 2
    assert len(counted) == 1, "one statement, however often it was tried"
