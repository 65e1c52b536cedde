"""Health checks, and the host names of the server."""

import socket
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.conftest import Api


def test_it_works(anonymous: Api) -> None:
    reply = anonymous.get("/")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/json"
    assert reply.json() == {"status": "ok"}


def test_head_has_no_body(anonymous: Api) -> None:
    reply = anonymous.send("HEAD", "/")
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_bad_token_does_not_matter(anonymous: Api) -> None:
    assert anonymous.client.get("/", headers={"Authorization": "Bearer rubbish"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "é", "[", ""]
)
@pytest.mark.parametrize("path", ["/", "/api/leads", "/api/users/me", "/api/nope"])
def test_another_host_name_is_a_400(api: Api, path: str, host: str) -> None:
    reply = api.client.get(path, headers={"Host": host})
    assert reply.status_code == 400
    assert reply["Content-Type"] == "application/json"
    assert reply.json() == {"detail": "Bad Request"}


def test_alive(anonymous: Api, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        reply = anonymous.get("/health/live")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


@pytest.mark.django_db(transaction=True)
def test_ready() -> None:
    reply = Api({}).get("/health/ready")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_read_only(anonymous: Api, path: str) -> None:
    reply = anonymous.post(path, {})
    assert (reply.status_code, reply["Allow"]) == (405, "GET, HEAD")
    assert reply.json() == {"detail": "Method Not Allowed"}


def unready(reason: str) -> None:
    """Assert that the server is alive and not ready."""
    reply = Api({}).get("/health/ready")
    assert (reply.status_code, reply.json()) == (503, {"detail": reason})
    assert reply["Retry-After"] == "2"
    assert Api({}).get("/health/live").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_not_ready_with_a_migration_missing() -> None:
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("http", "0001_initial")
    try:
        unready("1 migrations are not applied")
    finally:
        recorder.record_applied("http", "0001_initial")
    assert Api({}).get("/health/ready").status_code == 200


def test_not_ready_without_the_database(anonymous: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections in and never says a word
        away = {"HOST": "127.0.0.1", "PORT": silent.getsockname()[1]}
        if connection.vendor == "sqlite":
            away = {"NAME": str(tmp_path / "missing" / "file.db")}
        for name, value in away.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        unready("The database does not answer")
