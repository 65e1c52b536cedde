"""An import that is killed in the middle: what others do at that moment does not wait for it and is not refused."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from crm_project.db.locks import Lock
from tests.importing.test_import_processes import big_csv, manage, stored

__all__ = ["manage"]

postgresql = pytest.mark.skipif(settings.DATABASE_URL.startswith("sqlite"), reason="about statements of PostgreSQL")
# A statement that has to wait for a lock fails.
NO_WAITING = "?timeout=0" if settings.DATABASE_URL.startswith("sqlite") else "?options=-c%20lock_timeout%3D1"
SLEEPING = """
from django.db import connection, transaction
from leads.importing import runs
with transaction.atomic(), connection.cursor() as cursor:
    runs.wait_for_lock()
    cursor.execute("SELECT pg_sleep(3600)")
"""


@contextmanager
def import_in_the_middle(manage: Any, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Yield an import that has stored thousands of rows and waits for a reader of its rows with errors."""
    path, pipe = big_csv(folder / "leads.csv", 12_000), folder / "rejects"
    with path.open("a") as file:
        file.write("A,B,no address,1,new,website,1,2\n" * 6_000)
    os.mkfifo(pipe)
    process = manage.start("import_leads", path, "--on-error", "skip", "--rejects", pipe, "--report", "json")
    with pipe.open("rb") as reader:
        assert reader.read(1)
        yield process
    pipe.unlink()


def test_nothing_waits_for_it(manage: Any, tmp_path: Path) -> None:
    earlier = json.loads(manage("import_leads", big_csv(tmp_path / "few.csv", 10), "--report", "json").stdout)
    env = manage.env | {"DATABASE_URL": f"{manage.url}{NO_WAITING}"}
    states = ["done"]
    for command in (
        ("erase_person", "ada3@example.com", "--yes"),
        ("undo_import", earlier["run"]),
        ("import_leads", big_csv(tmp_path / "more.csv", 10, start=30_000)),
    ):
        before, *_ = stored(manage)
        with import_in_the_middle(manage, tmp_path) as process:
            assert stored(manage) == [before, *states, "running"]
            process.kill()
            process.wait()
            done = manage(*command, env=env)
            assert done.returncode == 0, done.stderr
            process.communicate()
        states = stored(manage)[1:]
    assert states == ["undone", "died", "died", "died", "done"]
    assert manage("verify").returncode == 0


@postgresql
def test_postgresql_cancels_the_statement_of_a_killed_process(manage: Any) -> None:
    process = manage.start("shell", "-v0", "-c", SLEEPING)
    with psycopg.connect(manage.url, autocommit=True) as other:
        sleeping = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        while other.execute(sleeping).fetchone() is None:
            assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        other.execute("SELECT pg_advisory_xact_lock(%s, 0)", [int(Lock.LOADING)])  # waits for its end
        assert other.execute(sleeping).fetchone() is None
