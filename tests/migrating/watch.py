"""A linter that observes the effects of a migration on PostgreSQL.

After each statement: of the tables that were there before, is there one that nobody else may write just now, and of
which rows were read or written since? On a million rows that takes seconds, and on a few it is the same statement. And
does one transaction change more rows than a batch? Whoever writes those waits for its end. At last: does a table demand
a value that the version which still runs does not know of?
"""

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.db.migrations import Migration
from django.db.migrations.operations import RunPython
from django.db.migrations.state import ProjectState

from crm_project.db.migration_operations import BATCH, AddCheck, AddIndex

ROWS = 2 * BATCH + 500  # enough for a change of all of them to be seen
FEW = 100  # rows
SEVERAL_TRANSACTIONS = (AddIndex, AddCheck, RunPython)  # what SQLite does in one all the same, or may do again
BLOCKING = ["ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]  # a writer waits for these
TABLES = """
SELECT relid, relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) + n_tup_ins, n_tup_upd + n_tup_del, (
    SELECT max(mode) FROM pg_locks
    WHERE locktype = 'relation' AND relation = relid AND pid = pg_backend_pid() AND granted AND mode = ANY(%s)
) FROM pg_stat_xact_user_tables
"""
DEMANDED = """
SELECT attrelid::int, attrelid::regclass || '.' || attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
    AND attnotnull AND NOT atthasdef AND attidentity = ''
"""
TRANSACTION = "SELECT virtualtransaction FROM pg_locks WHERE pid = pg_backend_pid() LIMIT 1"


class Watch:
    """Observes every statement of a migration. ``findings`` are messages."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.transaction = ""
        self.before = self._tables()
        self.there = set(self.before)
        self.demanded = self._asked(DEMANDED)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Django's hook."""
        if connection.in_atomic_block:
            self._begin()
            result = execute(sql, params, many, context)
            self._look()
            return result
        if " CONCURRENTLY " in sql:  # may not be in a transaction, and lets others write
            return execute(sql, params, many, context)
        with transaction.atomic():
            return self(execute, sql, params, many, context)

    def _begin(self) -> None:
        if self.transaction != (now := self._asked(TRANSACTION)[0][0]):
            self.transaction, self.before = now, self._tables()

    def _look(self) -> None:
        for table, (name, read, written, lock) in self._tables().items():
            _, read_before, written_before, _ = self.before.get(table, ("", 0, 0, None))
            read, written = read - read_before, written - written_before
            if table in self.there and lock and read + written > FEW:
                self._report(f"reads or writes the rows of {name} while its writers wait")
            elif table in self.there and written > BATCH:
                self._report(f"changes more rows of {name} in one transaction than a batch")

    def end(self) -> list[str]:
        """Return all findings, after the migration."""
        for table, column in self._asked(DEMANDED):
            if table in self.there and (table, column) not in self.demanded:
                self._report(f"demands a value for {column}, which the version that still runs does not give")
        return self.findings

    def _report(self, finding: str) -> None:
        if finding not in self.findings:
            self.findings.append(finding)

    def _tables(self) -> dict[int, tuple[str, int, int, str | None]]:
        return {table: (name, *rest) for table, name, *rest in self._asked(TABLES, [BLOCKING])}

    def _asked(self, sql: str, params: Any = None) -> list[Any]:
        with connection.connection.cursor() as cursor:  # past Django, and so past the watch
            return list(cursor.execute(sql, params).fetchall())


def applied(migration: Migration, state: ProjectState) -> list[str]:
    """Apply ``migration`` to ``state``, which becomes the next one; what is wrong with it."""
    watch = Watch()
    if not migration.atomic:
        for operation in migration.operations:
            if not isinstance(operation, SEVERAL_TRANSACTIONS):
                watch.findings.append(
                    f"{type(operation).__name__} is not for several transactions; see CONTRIBUTING.md"
                )
    with connection.execute_wrapper(watch), connection.schema_editor(atomic=migration.atomic) as editor:
        migration.apply(state, editor)
    return watch.end()


def fill(rows: int = ROWS) -> None:
    """Users, leads and activities, as the first release has them: stated in SQL, since models go on."""
    with connection.cursor() as cursor:
        cursor.execute(USER)
        cursor.execute(LEADS, [rows])
        cursor.execute(ACTIVITIES)
        cursor.execute("ANALYZE leads_lead, activities_activity")


USER = """
INSERT INTO users_user (username, email, first_name, last_name, password, is_active, is_staff, is_superuser, created_at,
    token_version, username_key, email_key)
VALUES ('filler', 'filler@example.com', 'Fil', 'Ler', '!', true, false, false, now(), 1, 'filler', 'filler@example.com')
"""
LEADS = """
INSERT INTO leads_lead (first_name, last_name, email, phone, status, source, is_active, created_at, updated_at,
    activity_count, version, search, source_key, email_key, person_key)
SELECT 'Ada', 'Number ' || n, n || '@example.com', '', 'new', 'website', true, now(), now(), 1, 1, 'ada number ' || n,
    'website', n || '@example.com', '' FROM generate_series(1, %s) AS n
"""
ACTIVITIES = """
INSERT INTO activities_activity (activity_type, title, activity_date, created_at, user_name, lead_id, user_id)
SELECT 'call', 'Call', now(), now(), 'Fil Ler', id, (SELECT max(id) FROM users_user) FROM leads_lead
"""
