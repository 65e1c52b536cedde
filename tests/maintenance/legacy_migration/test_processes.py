"""The migration in real processes: in place, with the earlier ``.env``, and killed while it runs."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live import PROJECT, environment, fresh_database, serving
from tests.maintenance.legacy_migration.earlier import PASSWORD, Earlier, activity, lead, user

pytestmark = pytest.mark.slow

MANAGE = [sys.executable, "manage.py"]


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*MANAGE, *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


def migrated(env: dict[str, str], url: str, *options: str) -> dict[str, Any]:
    """Migrate and return the report."""
    process = manage(env, "import_legacy", url, "--report", "json", *options)
    assert process.returncode == 0, process
    report: dict[str, Any] = json.loads(process.stdout)
    return report


def test_in_place_with_the_earlier_env(tmp_path: Path) -> None:
    """The earlier ``.env`` and database stay; the new tables are created beside the earlier ones."""
    with fresh_database() as url:
        Earlier(url).make().add("users", user()).add("leads", lead(activity_count=1)).add("activities", activity())
        url = earlier_form(url)
        (tmp_path / ".env").write_text(f"DATABASE_URL={url}\nSECRET_KEY=change-me\nALGORITHM=HS256\n")
        env = environment(without=["SECRET_KEY"], ENV_FILE=str(tmp_path / ".env"))
        assert manage(env, "migrate", "-v0").returncode == 0
        report = migrated(env, url)
        assert (report["state"], report["created"]) == ("done", 3)
        with serving(without=["SECRET_KEY", "DATABASE_URL"], ENV_FILE=str(tmp_path / ".env")) as server:
            login = server.send("POST", "/api/users/login", {"username": "agent1", "password": PASSWORD})
            token = {"Authorization": f"Bearer {login.json()['access_token']}"}
            assert [row["id"] for row in server.send("GET", "/api/leads", headers=token).json()] == [7]
            assert server.send("POST", "/api/leads", [lead()], headers=token).json()[0]["id"] == 8
            assert server.send("GET", "/api/dashboard", headers=token).json()["total_activities"] == 1


def earlier_form(url: str) -> str:
    """Return the URL in the form of the earlier server's ``.env``, for SQLite with a path relative to the project."""
    if url.startswith("sqlite"):
        return f"sqlite+aiosqlite:///./{os.path.relpath(url.removeprefix('sqlite:///'), PROJECT)}"
    return url.replace("postgresql://", "postgresql+asyncpg://")


def test_a_killed_migration_stores_nothing(tmp_path: Path) -> None:
    source = Earlier(f"sqlite:///{tmp_path}/earlier.db").make().add("users", user())
    source.add("leads", *(lead(id=n) for n in range(1, 40_001)))
    with fresh_database() as url:
        env = environment(DATABASE_URL=url)
        assert manage(env, "migrate", "-v0").returncode == 0
        with subprocess.Popen(
            [*MANAGE, "import_legacy", source.url], cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert any(line.startswith("leads: 10,000 of") for line in process.stderr)  # leads are stored in part
            process.kill()
        assert process.returncode == -signal.SIGKILL
        report = migrated(env, source.url)  # rejected if a user or lead is stored already
        assert (report["state"], report["created"]) == ("done", 40_001)
        assert {line["verdict"] for line in report["reconciliation"]} == {"OK"}


def test_a_database_without_tables_is_a_sentence(tmp_path: Path) -> None:
    source = Earlier(f"sqlite:///{tmp_path}/earlier.db").make()
    with fresh_database() as url:
        process = manage(environment(DATABASE_URL=url), "import_legacy", source.url)
    assert process.returncode == 1
    assert "manage.py migrate" in process.stderr
