"""Health checks, and the host names of the server."""

import socket
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import RequestFactory

from crm_project.http import readiness
from crm_project.http.gateway import Gateway
from crm_project.operations.models import ScheduledJob
from tests.conftest import Api, Case

direct_postgresql = pytest.mark.skipif(
    settings.REQUEST_DATABASE.get("POOLED") is not False, reason="of connections to PostgreSQL without a pooler"
)


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


def test_another_host_name_is_a_400(api: Api, case: Case) -> None:
    for path, host in product(
        ["/", "/api/leads", "/api/users/me", "/api/nope"],
        ["evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "é", "[", ""],
    ):
        with case(path, host):
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


@pytest.mark.django_db(transaction=True)
def test_a_probe_may_name_any_host_and_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/health/live", "/health/ready"):
        for host in ("10.0.0.7:8000", "evil.example", ""):
            reply = Api({}).client.get(path, headers={"Host": host})
            assert (reply.status_code, reply.json(), reply.cookies) == (200, {"status": "ok"}, {})
    assert [record for record in caplog.records if record.name == "crm.access"] == []


@direct_postgresql
@pytest.mark.django_db(transaction=True)
def test_probes_have_one_connection_outside_the_pool() -> None:
    def connections() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid")
            return cursor.fetchall()

    assert Api({}).get("/health/ready").status_code == 200
    before = connections()
    for _ in range(12):
        assert Api({}).get("/health/ready").status_code == 200
    assert connections() == before
    with connection.cursor() as cursor:
        own = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%%django_migrations'"
        cursor.execute(f"{own} AND datname = current_database() AND pid <> pg_backend_pid()")
        assert cursor.fetchall() == [(True,)]
    assert Api({}).get("/health/ready").status_code == 200  # on a new one
    assert connections() != before


@direct_postgresql
@pytest.mark.django_db(transaction=True)
def test_not_ready_with_a_read_only_database(monkeypatch: pytest.MonkeyPatch) -> None:
    options = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "options", "-c default_transaction_read_only=on")
    assert_unready("The database is read-only")


@pytest.mark.django_db(transaction=True)
def test_a_server_without_a_free_thread_is_ready_and_busy() -> None:
    gateway = Gateway(get_wsgi_application(), 1, 0.1)

    def probe() -> bytes:
        return b"".join(gateway(RequestFactory().get("/health/ready").environ, lambda *_: None))

    with gateway.slots:
        assert probe() == b'{"status":"busy"}'
    assert probe() == b'{"status":"ok"}'


def test_a_server_that_stops_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_stopping", bytearray(1))
    readiness.announce_stop()
    assert_unready("The server is stopping")


@pytest.mark.django_db(transaction=True)
def test_details_show_the_scheduled_jobs() -> None:
    run = {"finished_at": datetime(2026, 12, 1, 3, 0, 1, tzinfo=UTC), "succeeded": True}
    ScheduledJob.objects.create(name="prune", due_at=datetime(2026, 12, 2, 3, tzinfo=UTC), **run)
    ScheduledJob.objects.create(name="remind", due_at=datetime(2026, 12, 2, 7, tzinfo=UTC))
    assert Api({}).get("/health/ready", details="").json() == {
        "status": "ok",
        "jobs": [
            {
                "name": "prune",
                "last_run": "2026-12-01T03:00:01.000000",
                "succeeded": True,
                "next_run": "2026-12-02T03:00:00.000000",
            },
            {"name": "remind", "last_run": None, "succeeded": None, "next_run": "2026-12-02T07:00:00.000000"},
        ],
    }


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_is_read_only(anonymous: Api, path: str) -> None:
    reply = anonymous.post(path, {})
    assert (reply.status_code, reply["Allow"]) == (405, "GET, HEAD")
    assert reply.json() == {"detail": "Method Not Allowed"}


def assert_unready(reason: str) -> None:
    """Assert that the server is alive and not ready."""
    reply = Api({}).get("/health/ready")
    assert (reply.status_code, reply.json()) == (503, {"detail": reason})
    assert reply["Retry-After"] == "2"
    assert Api({}).get("/health/live").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_not_ready_with_a_migration_missing() -> None:
    recorder = MigrationRecorder(connection)
    ((app, name),) = MigrationLoader(None).graph.leaf_nodes("http")
    recorder.record_unapplied(app, name)
    try:
        assert_unready("1 migrations are not applied")
    finally:
        recorder.record_applied(app, name)
    assert Api({}).get("/health/ready").status_code == 200


def test_not_ready_without_the_database(anonymous: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections in and never says a word
        away = {"HOST": "127.0.0.1", "PORT": silent.getsockname()[1]}
        if connection.vendor == "sqlite":
            away = {"NAME": str(tmp_path / "missing" / "file.db")}
        for name, value in away.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        assert_unready("The database does not answer")
