"""The application with gunicorn: the quick start, chunked bodies, and limits."""

from collections.abc import Iterator

import pytest

from tests.factories import activity_row, lead_row
from tests.live import LiveServer, environment, free_port, migrated_database, running


@pytest.fixture(scope="module")
def gunicorn() -> Iterator[LiveServer]:
    """gunicorn as ``docs/deploy.md`` has it."""
    port = free_port()
    command = ["-m", "gunicorn", "crm_project.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8"]
    with migrated_database() as database_url:
        env = environment(DATABASE_URL=database_url, BODY_MAX_BYTES="100000")
        with running(command, port, database_url, env) as server:
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
