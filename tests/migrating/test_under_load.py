"""A migration as CONTRIBUTING.md describes it, on tables that others write to and a long transaction locks."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection, migrations, models
from django.db.migrations.executor import MigrationExecutor

from crm_project.db.migration_operations import AddCheck, AddIndex, in_batches
from tests.migrating import watch

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer, who waits anyway"),
]

LEADS = 10_000
LEAD = """
INSERT INTO leads_lead (first_name, last_name, email, phone, status, source, is_active, created_at, updated_at,
    activity_count, version, search, source_key, email_key, person_key)
VALUES ('Ada', '', '', '', 'new', '', true, now(), now(), 0, 1, '', '', '', '')
"""
MAKING = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
)


def connect(**how: Any) -> psycopg.Connection[Any]:
    """Open a connection to the tests' database with a lock timeout of one second on PostgreSQL."""
    params = connection.get_connection_params()
    given = {name: params[name] for name in ("host", "port", "user", "password", "dbname") if name in params}
    return psycopg.connect(**given, **how, options="-c lock_timeout=1s")


class Writer(threading.Thread):
    """A thread that creates and updates leads until it is stopped or gets an error."""

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self.number, self.over, self.error = number, threading.Event(), ""
        self.written = 0

    def run(self) -> None:
        """Write in a loop."""
        with connect(autocommit=True) as own:
            (last,) = own.execute("SELECT max(id) FROM leads_lead").fetchone() or (0,)
            for turn in count():
                if self.over.is_set():
                    return
                try:
                    own.execute(LEAD)
                    own.execute("UPDATE leads_lead SET phone = %s WHERE id = %s", [str(turn), last - self.number])
                except psycopg.Error as error:
                    self.error = str(error)
                    return
                self.written += 1


@contextmanager
def writers(number: int = 4) -> Iterator[list[Writer]]:
    """Run that many writers."""
    running = [Writer(n) for n in range(number)]
    for writer in running:
        writer.start()
    try:
        yield running
    finally:
        for writer in running:
            writer.over.set()
        for writer in running:
            writer.join()


def wait_for_writes(running: list[Writer], writes: int = 5) -> None:
    """Return when each writer has written again."""
    goals = [(writer, writer.written + writes) for writer in running]
    for writer, goal in goals:
        while writer.written < goal:
            assert writer.is_alive(), writer.error


def number_all(apps: Any, schema_editor: Any) -> None:
    """A change of every row."""
    in_batches(apps.get_model("leads", "Lead").objects.all(), lambda leads: leads.update(version=2))


def test_writers_write_all_the_while() -> None:
    watch.fill(LEADS)
    executor = MigrationExecutor(connection)
    migration = migrations.Migration("0000_sample", "leads")
    migration.atomic, migration.operations = False, [
        AddIndex("lead", models.Index(fields=["version"], name="leads_sample")),
        AddCheck("lead", models.CheckConstraint(condition=models.Q(version__gte=1), name="leads_sample_check")),
        migrations.RunPython(number_all, migrations.RunPython.noop),
    ]  # fmt: skip
    made = threading.Event()
    with ExitStack() as stack, writers() as running:
        importing = stack.enter_context(connect())
        importing.execute(LEAD)  # the index cannot be finished before this is

        def let_it_end() -> None:
            with connect(autocommit=True) as administrator:
                while administrator.execute(MAKING).fetchone() == (0,):
                    assert not made.is_set()
            wait_for_writes(running)
            importing.commit()

        conductor = threading.Thread(target=let_it_end)
        conductor.start()
        with connection.schema_editor(atomic=False) as editor:
            migration.apply(executor.loader.project_state(), editor)
        made.set()
        conductor.join()
        wait_for_writes(running)
    try:
        assert [writer.error for writer in running] == [""] * len(running)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM leads_lead WHERE version = 1 AND source = 'website'")
            assert cursor.fetchone() == (0,)
    finally:
        with connection.schema_editor(atomic=False) as editor:
            migration.unapply(executor.loader.project_state(), editor)
