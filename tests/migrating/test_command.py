"""``manage.py migrate``, as a command and at a server's start: one process at a time, with short waits for locks."""

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

from crm_project.db.locks import Lock
from tests.live import await_start, fresh_database
from tests.torture.crm import Crm

postgresql = pytest.mark.skipif(settings.DATABASE_URL.startswith("sqlite"), reason="SQLite has one writer")
# The last migration of otp_totp alters this table. Migrations of the product may be squashed.
BEFORE_LAST = ("migrate", "otp_totp", "0002", "-v0")
LOCK_AS_INSERT = "LOCK TABLE otp_totp_totpdevice IN ROW EXCLUSIVE MODE"
NEW_COLUMN = """
SELECT FROM information_schema.columns WHERE table_name = 'otp_totp_totpdevice' AND column_name = 'created_at'
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Crm]:
    """Yield an empty database, without a server."""
    with fresh_database() as database_url:
        crm = Crm(database_url, tmp_path, WORKERS="1")
        try:
            yield crm
        finally:
            crm.stop()


def test_processes_migrate_one_after_the_other(office: Crm) -> None:
    processes = [office.begin("migrate", "-v0") for _ in range(3)]
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert all(code == 0 and "Traceback" not in error for error, code in ends), ends
    assert "No migrations to apply" in office.manage("migrate").stdout


@contextmanager
def long_transaction(office: Crm) -> Iterator[psycopg.Connection[Any]]:
    """Yield a transaction that writes to the table which the pending migration alters."""
    assert office.manage("migrate", "-v0").returncode == 0
    assert office.manage(*BEFORE_LAST).returncode == 0
    with psycopg.connect(office.database_url) as connection:
        connection.execute(LOCK_AS_INSERT)
        yield connection


def is_migrated(office: Crm) -> bool:
    """Return whether the pending migration was applied."""
    with psycopg.connect(office.database_url) as connection:
        return connection.execute(NEW_COLUMN).fetchone() is not None


def write_repeatedly(office: Crm) -> None:
    """Write in many transactions; each fails if it waits for a lock much longer than the migration does."""
    with psycopg.connect(office.database_url) as other:
        other.execute("SET lock_timeout = '2s'")
        other.commit()
        for _ in range(200):
            other.execute(LOCK_AS_INSERT)
            other.commit()


@postgresql
def test_a_migration_waits_for_a_long_transaction_while_others_write(office: Crm) -> None:
    with long_transaction(office) as transaction:
        process = office.begin("migrate", "-v0")
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Waiting for locks")
        write_repeatedly(office)
        assert process.poll() is None
        assert not is_migrated(office)
        transaction.commit()
    _, error = process.communicate()
    assert (process.returncode, error) == (0, "")  # the message was printed once
    assert is_migrated(office)


@postgresql
def test_a_server_that_starts_waits_too(office: Crm) -> None:
    with long_transaction(office) as transaction:
        server = office.start(wait=False)
        while "Waiting for locks" not in server.log.read_text():
            assert server.process.poll() is None, server.log.read_text()
        write_repeatedly(office)
        transaction.commit()
    await_start(server)
    assert server.send("GET", "/health/ready").status == 200
    assert "Traceback" not in server.log.read_text()
    assert server.stop() == 0


@postgresql
def test_it_gives_up_with_a_message(office: Crm) -> None:
    with long_transaction(office):
        ended = office.manage("migrate", "-v0", "--retry-time", "0")
    assert ended.returncode == 1
    assert "Other connections have locked the tables" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not is_migrated(office)


@contextmanager
def other_migration(office: Crm) -> Iterator[None]:
    """Have the lock of a migration on another machine."""
    with psycopg.connect(office.database_url, application_name="migration on app2, process 7") as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", [Lock.MIGRATION])
        yield


@postgresql
def test_another_migration_is_not_waited_for_if_nothing_is_missing(office: Crm) -> None:
    assert office.manage("migrate", "-v0").returncode == 0
    with other_migration(office):
        ended = office.manage("migrate", "--retry-time", "0")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
        assert office.manage(*BEFORE_LAST, "--retry-time", "0").returncode == 1


@postgresql
def test_a_start_gives_up_waiting_for_another_migration_and_names_it(office: Crm) -> None:
    assert office.manage("migrate", "-v0").returncode == 0
    assert office.manage(*BEFORE_LAST).returncode == 0
    with other_migration(office):
        office.env["MIGRATE_TIMEOUT"] = "0"
        ended = office.manage("serve")
    assert ended.returncode == 1
    assert "There is another migration of this database: migration on app2, process 7" in ended.stderr
    assert not is_migrated(office)


@postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("limit", ["10min", "5s"])
def test_the_lock_timeout_is_restored(limit: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [limit])
        call_command("migrate", verbosity=0)
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == (limit,)
    connection.close()


@pytest.mark.skipif(not settings.DATABASE_URL.startswith("sqlite"), reason="locks the folder of SQLite's file")
def test_a_killed_migration_releases_its_lock(office: Crm) -> None:
    process = office.begin("migrate", "-v0")
    folder = os.open(Path(office.database_url.removeprefix("sqlite:///")).parent, os.O_RDONLY)
    import fcntl

    try:
        while True:  # until the process has the lock
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
