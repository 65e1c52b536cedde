"""Persistent database connections: changes by others are visible, and no files remain."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.factories import lead_row
from tests.live import PROJECT, LiveServer, environment, serving

ON_SQLITE = settings.DATABASE_URL.startswith("sqlite")
sqlite_alone = pytest.mark.skipif(not ON_SQLITE, reason="about SQLite's files")


def file_of(server: LiveServer) -> Path:
    """Return the path of the database file."""
    return Path(server.database_url.removeprefix("sqlite:///"))


def total(server: LiveServer, headers: dict[str, str]) -> int:
    """Return the number of leads on the dashboard."""
    return int(server.send("GET", "/api/dashboard", headers=headers).json()["total_leads"])


def test_the_dashboard_is_exact_whoever_wrote(tmp_path: Path) -> None:
    with serving(WORKERS="2") as server:
        token = server.token()
        for number in range(1, 16):
            assert server.send("POST", "/api/leads", lead_row(), token).status == 201
            assert {total(server, token) for _ in range(4)} == {number}
        assert server.send("DELETE", "/api/leads/1", headers=token).status == 204
        assert {total(server, token) for _ in range(4)} == {14}
        (tmp_path / "more.csv").write_text("First name,Email\nAda,ada@example.com\n")
        command = [sys.executable, "manage.py", "import_leads", str(tmp_path / "more.csv")]
        subprocess.run(command, cwd=PROJECT, env=environment(DATABASE_URL=server.database_url), check=True)
        assert {total(server, token) for _ in range(4)} == {15}


@sqlite_alone
def test_another_file_in_the_place_of_the_database_is_taken() -> None:
    with serving(WORKERS="1") as server:
        database, token = file_of(server), server.token("stays")
        with sqlite3.connect(database) as origin, sqlite3.connect(database.with_name("copy.db")) as copy:
            origin.backup(copy)
        origin.close()
        copy.close()
        server.token("comes-later")
        assert {total(server, token) for _ in range(4)} == {0}
        for file in database.parent.glob(f"{database.name}*"):
            file.rename(file.with_name(f"damaged-{file.name}"))
        shutil.copy(database.with_name("copy.db"), database)
        account = {"username": "comes-later", "password": "pass123456"}
        assert server.send("POST", "/api/users/login", account).status == 401
        assert server.send("POST", "/api/users/login", {**account, "username": "stays"}).status == 200


@sqlite_alone
def test_after_a_stop_all_is_in_the_one_file() -> None:
    with serving(WORKERS="2") as server:
        token = server.token()
        for _ in range(5):
            server.send("POST", "/api/leads", lead_row(), token)
            total(server, token)
        assert server.stop() == 0
        assert [file.name for file in file_of(server).parent.glob("live.db*")] == ["live.db"]
