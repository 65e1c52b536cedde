"""A server behind PgBouncer in transaction mode, and URLs that do not fit it."""

import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from crm_project.db.locks import Lock
from crm_project.db.postgresql.base import OWN_NAME, Connection
from tests.factories import lead_row
from tests.live import PROJECT, environment, free_port, fresh_database, migrated_database, serving, without_python
from tests.migrating.test_command import is_migrated, long_transaction
from tests.pooler import PROGRAM, pgbouncer, version
from tests.torture.crm import Crm

pytestmark = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or PROGRAM is None, reason="needs PostgreSQL and PgBouncer"
)
LEFT = """
SELECT current_setting('statement_timeout'), current_setting('jit'), (SELECT count(*) FROM pg_prepared_statements),
    (SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
     WHERE locktype = 'advisory' AND datname = current_database())
"""
BACKGROUND = {"Prefer": "respond-async"}
LOCKING = """
import sys
from django.db import connection
import crm_project.wsgi
from crm_project.db import locks
with locks.lock_for_block(connection, locks.Lock.RUNNING_IMPORT, 7) as free:
    print(free, connection.settings_dict["PORT"], flush=True)
    sys.stdin.read()
"""


def test_nothing_is_set_for_a_session() -> None:
    with (
        migrated_database() as direct,
        pgbouncer(direct, "default_pool_size = 2") as pooler,  # after the same line of the others
        serving(DATABASE_URL=f"{pooler.url}?pooled=transaction", DIRECT_DATABASE_URL=direct, WORKERS="2") as server,
    ):
        token = server.token()
        for number in range(12):
            assert server.send("POST", "/api/leads", lead_row(email=f"l{number}@x.co"), token).status == 201
        assert len(server.send("GET", "/api/leads?size=100", headers=token).json()) == 12
        assert server.send("GET", "/health/ready").json() == {"status": "ok"}
        for _ in range(4):  # each connection of PgBouncer
            with psycopg.connect(pooler.url, autocommit=True) as other:
                assert other.execute(LEFT).fetchone() == ("0", "on", 0, 0)


@pytest.mark.parametrize("kept", [0, 100])
def test_statements_are_prepared_only_if_the_pooler_keeps_them(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if kept and version() < (1, 21):
        pytest.skip("needs PgBouncer 1.21 or later")
    monkeypatch.setattr(Connection, "pooler_keeps_prepared", None)
    option = f"max_prepared_statements = {kept}" if version() >= (1, 21) else ""
    with fresh_database() as direct, pgbouncer(direct, option) as pooler:
        with psycopg.connect(pooler.url, autocommit=True) as another:
            another.execute(f"PREPARE {OWN_NAME}0 AS SELECT 1")
        with (
            Connection.connect(pooler.url, pooled=True, prepare_threshold=5) as connection,
            psycopg.connect(pooler.url) as other,
        ):
            assert (connection.prepare_threshold is None) == (kept == 0)
            for _ in range(3):
                assert connection.execute("SELECT %s::int", ["7"], prepare=bool(kept)).fetchone() == (7,)
                connection.commit()
                other.execute("SELECT 1")  # has that connection of the server now
            assert Connection.pooler_keeps_prepared == bool(kept)


def test_a_lock_ends_with_its_process() -> None:
    with migrated_database() as direct, pgbouncer(direct) as pooler:
        env = environment(DATABASE_URL=f"{pooler.url}?pooled=transaction", DIRECT_DATABASE_URL=direct)
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", LOCKING]
        process = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == f"True {pooler.port}\n"
        with psycopg.connect(direct, autocommit=True) as other:
            assert other.execute(LEFT).fetchone() == ("0", "on", 0, 1)
            process.kill()
            process.communicate()
            other.execute("SELECT pg_advisory_xact_lock(%s, 7)", [int(Lock.RUNNING_IMPORT)])


def test_a_killed_migration_does_not_hold_up_the_next_start(tmp_path: Path) -> None:
    with fresh_database() as direct, pgbouncer(direct) as pooler:
        office = Crm(direct, tmp_path, DIRECT_DATABASE_URL=direct, MIGRATE_TIMEOUT="0", WORKERS="1")
        office.env["DATABASE_URL"] = f"{pooler.url}?pooled=transaction"
        try:
            with long_transaction(office) as transaction:
                migrating = office.begin("migrate", "-v0", "--retry-time", "600")
                assert migrating.stderr is not None
                assert migrating.stderr.readline().startswith("Waiting for locks")  # it has the lock of migrations
                refused = office.manage("serve")
                owner = f"migration on {socket.gethostname()}, process {migrating.pid}"
                assert f"There is another migration of this database: {owner}" in refused.stderr
                migrating.kill()
                migrating.communicate()
                transaction.commit()
            server = office.start()
            assert server.send("GET", "/health/ready").json() == {"status": "ok"}
            assert is_migrated(office)
        finally:
            office.stop()


def test_an_import_needs_no_connection_of_the_pooler(tmp_path: Path) -> None:
    with (
        migrated_database() as direct,
        pgbouncer(direct, "default_pool_size = 1") as pooler,  # the import's rows and its locks would need three
        serving(DATABASE_URL=f"{pooler.url}?pooled=transaction", DIRECT_DATABASE_URL=direct, WORKERS="1") as server,
    ):
        account = {"username": "boss", "password": "a long password"}
        variables = {"DJANGO_SUPERUSER_PASSWORD": account["password"]}
        create = "createsuperuser", "--noinput", "--username", "boss", "--email", "boss@example.com"
        assert Crm(direct, tmp_path, **variables).manage(*create).returncode == 0
        login = server.send("POST", "/api/users/login", account).json()
        boss = {"Authorization": f"Bearer {login['access_token']}", "Content-Type": "text/csv"}
        done = server.send("POST", "/api/leads/import", b"first_name,email\nAda,ada@x.co\n", boss)
        assert (done.status, done.json()["created"]) == (201, 1)
        undone = server.send("POST", f"{done.headers['location']}/undo", headers=boss)
        assert undone.status == 200, undone
        later = server.send("POST", "/api/leads/import", b"first_name,email\nEve,eve@x.co\n", {**boss, **BACKGROUND})
        while (run := server.send("GET", later.headers["location"], headers=boss).json())["state"] == "running":
            pass
        assert (run["state"], run["created"]) == ("done", 1)
        with psycopg.connect(direct, autocommit=True) as other:
            assert other.execute(LEFT).fetchone() == ("0", "on", 0, 0)


def test_urls_that_do_not_fit_are_a_sentence_at_the_start() -> None:
    ignoring = "ignore_startup_parameters = options"
    with (
        migrated_database() as direct,
        fresh_database() as another,
        pgbouncer(direct) as refusing,
        pgbouncer(direct, ignoring) as through,
    ):
        pooled = f"{through.url}?pooled=transaction"
        for urls, sentence in (
            ([refusing.url], "DATABASE_URL goes through a pooler"),
            ([through.url], "DATABASE_URL goes through a pooler"),
            ([pooled], "DIRECT_DATABASE_URL"),
            ([pooled, through.url], "DIRECT_DATABASE_URL goes through a pooler, too"),
            ([pooled, another], "are not the same database"),
        ):
            named = dict(zip(("DATABASE_URL", "DIRECT_DATABASE_URL"), urls, strict=False))
            ended = subprocess.run(
                [sys.executable, "manage.py", "serve"],
                cwd=PROJECT,
                env=environment(PORT=str(free_port()), **named),
                capture_output=True,
                text=True,
                timeout=90,
            )
            printed = without_python(ended.stderr)
            assert (ended.returncode, len(printed.splitlines())) == (1, 1), printed
            assert sentence in printed
