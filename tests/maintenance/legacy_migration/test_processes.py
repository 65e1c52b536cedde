"""The takeover as real processes: in place, with the earlier ``.env``, and killed in the middle."""

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
    """One command from beginning to end."""
    return subprocess.run([*MANAGE, *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


def taken_over(env: dict[str, str], url: str, *options: str) -> dict[str, Any]:
    """A takeover's report."""
    ended = manage(env, "import_legacy", url, "--report", "json", *options)
    assert ended.returncode == 0, ended
    report: dict[str, Any] = json.loads(ended.stdout)
    return report


def test_in_place_with_the_earlier_env(tmp_path: Path) -> None:
    """Its ``.env`` stays, and so does its database: our tables come to stand beside its own."""
    with fresh_database() as url:
        Earlier(url).make().add("users", user()).add("leads", lead(activity_count=1)).add("activities", activity())
        url = earlier_form(url)
        (tmp_path / ".env").write_text(f"DATABASE_URL={url}\nSECRET_KEY=change-me\nALGORITHM=HS256\n")
        env = environment(without=["SECRET_KEY"], ENV_FILE=str(tmp_path / ".env"))
        assert manage(env, "migrate", "-v0").returncode == 0
        report = taken_over(env, url)
        assert (report["state"], report["created"]) == ("done", 3)
        with serving(without=["SECRET_KEY", "DATABASE_URL"], ENV_FILE=str(tmp_path / ".env")) as server:
            login = server.send("POST", "/api/users/login", {"username": "agent1", "password": PASSWORD})
            token = {"Authorization": f"Bearer {login.json()['access_token']}"}
            assert [row["id"] for row in server.send("GET", "/api/leads", headers=token).json()] == [7]
            assert server.send("POST", "/api/leads", [lead()], headers=token).json()[0]["id"] == 8
            assert server.send("GET", "/api/dashboard", headers=token).json()["total_activities"] == 1


def earlier_form(url: str) -> str:
    """The URL as the earlier server's ``.env`` has it, with a path relative to the project where it is a file."""
    if url.startswith("sqlite"):
        return f"sqlite+aiosqlite:///./{os.path.relpath(url.removeprefix('sqlite:///'), PROJECT)}"
    return url.replace("postgresql://", "postgresql+asyncpg://")


def test_killed_in_the_middle_it_leaves_nothing(tmp_path: Path) -> None:
    source = Earlier(f"sqlite:///{tmp_path}/earlier.db").make().add("users", user())
    source.add("leads", *(lead(id=n) for n in range(1, 40_001)))
    with fresh_database() as url:
        env = environment(DATABASE_URL=url)
        assert manage(env, "migrate", "-v0").returncode == 0
        with subprocess.Popen(
            [*MANAGE, "import_legacy", source.url], cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            assert any(line.startswith("leads: 10,000 of") for line in process.stderr)  # users are in, leads half way
            process.kill()
        assert process.returncode == -signal.SIGKILL
        report = taken_over(env, source.url)  # which refuses where a user or lead is left over
        assert (report["state"], report["created"]) == ("done", 40_001)
        assert {line["verdict"] for line in report["reconciliation"]} == {"OK"}


def test_without_tables_of_ours_it_says_what_to_do(tmp_path: Path) -> None:
    source = Earlier(f"sqlite:///{tmp_path}/earlier.db").make()
    with fresh_database() as url:
        ended = manage(environment(DATABASE_URL=url), "import_legacy", source.url)
    assert ended.returncode == 1
    assert "manage.py migrate" in ended.stderr
