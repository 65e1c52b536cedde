"""Backup and restore of PostgreSQL as docs/operations.md describes them, with the counts that its triggers store."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.factories import activity_row, lead_row
from tests.live import fresh_database
from tests.torture.cluster import programs
from tests.torture.crm import Crm

pytestmark = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or programs() is None, reason="about PostgreSQL's pg_dump and pg_restore"
)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    """Yield a server with an agent, leads in several statuses, some deleted, and activities."""
    with fresh_database() as url:
        office = Crm(url, tmp_path, WORKERS="1")
        try:
            server = office.start()
            token = server.token("agent")
            rows = [lead_row(status=("new", "closed", "odd")[n % 3]) for n in range(90)]
            ids = [row["id"] for row in server.send("POST", "/api/leads", rows, token).json()]
            for lead in ids[:20]:
                server.send("POST", f"/api/leads/{lead}/activities", [activity_row()] * 3, token)
            for lead in ids[10:40:5]:
                server.send("DELETE", f"/api/leads/{lead}", headers=token)
            yield office
        finally:
            office.stop()


def run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL."""
    folder = programs()
    assert folder is not None
    subprocess.run([str(folder / program), *arguments], check=True, capture_output=True)


def contents(url: str) -> dict[str, Any]:
    """Return all rows of all tables, and the values of all sequences."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
        found: dict[str, Any] = {
            name: sorted(connection.execute(f'SELECT t::text FROM "{name}" AS t').fetchall()) for (name,) in tables
        }
        last = connection.execute("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1").fetchall()
        return {**found, "sequences": last}


def triggers(url: str) -> list[Any]:
    """Return the triggers that maintain the counts."""
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1").fetchall()


def dashboard(crm: Crm) -> Any:
    """Return the dashboard's figures."""
    login = crm.server.send("POST", "/api/users/login", {"username": "agent", "password": "pass123456"}).json()
    return crm.server.send("GET", "/api/dashboard", headers={"Authorization": f"Bearer {login['access_token']}"}).json()


def test_dumped_and_restored_row_by_row(crm: Crm, tmp_path: Path) -> None:
    dump = str(tmp_path / "crm.dump")
    before = dashboard(crm)
    crm.stop()
    run("pg_dump", "--format=custom", f"--file={dump}", crm.database_url)
    with fresh_database() as url:
        run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={url}", dump)
        assert contents(url) == contents(crm.database_url)
        assert triggers(url) == triggers(crm.database_url) != []
        restored = Crm(url, tmp_path, WORKERS="1")
        try:
            restored.start()
            assert dashboard(restored) == before
            token = restored.server.token("new")
            assert restored.server.send("POST", "/api/leads", lead_row(), token).status == 201
            assert dashboard(restored)["total_leads"] == before["total_leads"] + 1
            assert restored.manage("verify").returncode == 0
        finally:
            restored.stop()


def test_our_own_commands_say_what_to_use(crm: Crm, tmp_path: Path) -> None:
    for command in ("backup", "restore"):
        done = crm.manage(command, tmp_path / "x")
        assert done.returncode == 1
        assert "pg_dump and pg_restore" in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()
