"""The application with gunicorn: the quick start, chunked bodies, limits, and the check of ``SECRET_KEY``."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.factories import activity_row, lead_row
from tests.live import PROJECT, LiveServer, environment, free_port, fresh_database, migrated_database, running

OTHER_KEY = "other-server-Zq5nRt8wVb2Xc9LmKj4HgFd7Sa3P"


def command(port: int) -> list[str]:
    """Return gunicorn's command as ``docs/deploy.md`` has it."""
    return ["-m", "gunicorn", "crm_project.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8"]


@pytest.fixture(scope="module")
def gunicorn() -> Iterator[LiveServer]:
    """Yield a running gunicorn."""
    port = free_port()
    with migrated_database() as database_url:
        env = environment(DATABASE_URL=database_url, BODY_MAX_BYTES="100000")
        with running(command(port), port, database_url, env) as server:
            yield server


def test_the_quick_start(gunicorn: LiveServer) -> None:
    token = gunicorn.token("agent1")
    lead = gunicorn.send("POST", "/api/leads", [lead_row(), lead_row()], token).json()[0]
    path = f"/api/leads/{lead['id']}"
    assert gunicorn.send("POST", f"{path}/activities", activity_row(), token).status == 201
    assert gunicorn.send("PUT", path, {"status": "closed"}, token).json()["status"] == "closed"
    assert gunicorn.send("GET", "/api/dashboard", headers=token).json()["total_leads"] == 2
    assert gunicorn.send("GET", "/health/ready").status == 200
    assert gunicorn.send("GET", "/admin/login/").status == 200
    assert gunicorn.send("GET", "/static/admin/css/base.css").status == 200
    assert "Traceback" not in gunicorn.log.read_text()


def test_bodies_in_chunks_and_over_the_limit(gunicorn: LiveServer) -> None:
    token = {**gunicorn.token("agent2"), "Content-Type": "application/json"}
    chunks = (b"[", b'{"first_name": "Ada", "last_name": "L", "email": "ada@example.com", "phone": "1"}', b"]")
    assert gunicorn.send("POST", "/api/leads", iter(chunks), token).status == 201
    assert gunicorn.send("POST", "/api/leads", b" " * 100_001, token).status == 413
    assert gunicorn.send("POST", "/api/leads", iter([b" " * 60_000] * 2), token).status == 413


def test_a_start_with_another_key_is_refused(gunicorn: LiveServer) -> None:
    token = gunicorn.token("agent3")
    env = environment(DATABASE_URL=gunicorn.database_url, SECRET_KEY=OTHER_KEY)
    refused = subprocess.run(
        [sys.executable, *command(free_port())], cwd=PROJECT, env=env, capture_output=True, text=True, timeout=60
    )
    assert refused.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY is not the one that this database was served with" in refused.stderr
    assert OTHER_KEY not in refused.stderr
    assert gunicorn.send("GET", "/api/users/me", headers=token).status == 200


def test_a_start_before_the_first_migration_is_not() -> None:
    port = free_port()
    with fresh_database() as url, running(command(port), port, url, environment(DATABASE_URL=url)) as server:
        assert server.send("GET", "/health/ready").status == 503
        assert "The SECRET_KEY was not compared" in server.log.read_text()
