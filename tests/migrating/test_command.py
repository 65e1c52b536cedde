"""``manage.py migrate``, by itself and at a server's start: one at a time, and patient with who uses the tables."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from tests.live import await_start, fresh_database
from tests.torture.crm import Crm

postgresql = pytest.mark.skipif(settings.DATABASE_URL.startswith("sqlite"), reason="SQLite has one writer alone")
LEAD = """
INSERT INTO leads_lead (first_name, last_name, email, phone, status, source, is_active, created_at, updated_at,
    activity_count, version, search, source_key, email_key, person_key)
VALUES ('Ada', '', '', '', 'new', '', true, now(), now(), 0, 1, '', '', '', '')
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Crm]:
    """An empty database; the server is started by those who want it."""
    with fresh_database() as database_url:
        crm = Crm(database_url, tmp_path, WORKERS="1")
        try:
            yield crm
        finally:
            crm.stop()


def test_two_at_once_do_it_once(office: Crm) -> None:
    processes = [office.begin("migrate", "-v0") for _ in range(3)]
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert all(code == 0 and "Traceback" not in error for error, code in ends), ends
    assert "No migrations to apply" in office.manage("migrate").stdout


@contextmanager
def a_long_import(office: Crm) -> Iterator[psycopg.Connection[Any]]:
    """A migrated database but for its last changes of leads, and somebody's transaction that goes on writing there."""
    assert office.manage("migrate", "-v0").returncode == 0
    assert office.manage("migrate", "leads", "0006", "-v0").returncode == 0
    with psycopg.connect(office.database_url) as connection:
        connection.execute(LEAD)
        yield connection


def indexed(office: Crm) -> bool:
    """Whether the index of the migration that waited is there."""
    with psycopg.connect(office.database_url) as connection:
        return connection.execute("SELECT to_regclass('leads_deleted')").fetchone() != (None,)


def written(office: Crm) -> None:
    """Others write all the while; each would be refused after a wait of more than a second and a bit for a lock."""
    with psycopg.connect(office.database_url, autocommit=True) as other:
        other.execute("SET lock_timeout = '2s'")
        for _ in range(200):
            other.execute(LEAD)


@postgresql
def test_waits_for_a_long_import_and_keeps_nobody_waiting(office: Crm) -> None:
    with a_long_import(office) as importing:
        process = office.begin("migrate", "-v0")
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Waiting for locks")
        written(office)
        assert process.poll() is None
        assert not indexed(office)
        importing.commit()
    _, error = process.communicate()
    assert (process.returncode, error) == (0, "")  # it was told once
    assert indexed(office)


@postgresql
def test_a_server_that_starts_waits_too(office: Crm) -> None:
    with a_long_import(office) as importing:
        server = office.start(wait=False)
        while "Waiting for locks" not in server.log.read_text():
            assert server.process.poll() is None, server.log.read_text()
        written(office)
        importing.commit()
    await_start(server)
    assert server.send("GET", "/health/ready").status == 200
    assert "Traceback" not in server.log.read_text()
    assert server.stop() == 0


@postgresql
def test_gives_up_in_one_line(office: Crm) -> None:
    with a_long_import(office):
        ended = office.manage("migrate", "-v0", "--retry-time", "0")
    assert ended.returncode == 1
    assert "in use by others" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not indexed(office)


@postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("own", ["0", "5s"])
def test_the_limit_is_for_the_migration_alone(own: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [own])
        call_command("migrate", verbosity=0)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == (own,)
    connection.close()


@pytest.mark.skipif(not settings.DATABASE_URL.startswith("sqlite"), reason="locks the folder of SQLite's file")
def test_who_is_killed_in_the_middle_keeps_nobody_out(office: Crm) -> None:
    process = office.begin("migrate", "-v0")
    folder = os.open(Path(office.database_url.removeprefix("sqlite:///")).parent, os.O_RDONLY)
    import fcntl

    try:
        while True:  # until it holds the lock
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(folder, fcntl.LOCK_UN)
            assert process.poll() is None
    except BlockingIOError:
        process.kill()
        process.communicate()
    finally:
        os.close(folder)
    ended: subprocess.CompletedProcess[str] = office.manage("migrate", "-v0")
    assert ended.returncode == 0, ended.stderr
