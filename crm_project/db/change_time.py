"""A column with the time of each row's last write, and the time up to which a reader sees all writes.

The database sets the column: no write can forget it, and there is one clock for all servers. Times are microseconds
since 1970 in UTC. A write's time is later than the moment at which PostgreSQL gave its transaction a number.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
COLUMN = "change_time"

# The transaction gets its number first, so that ``complete_until`` of another session sees it from then on.
CLOCK = "CASE WHEN pg_current_xact_id() IS NOT NULL THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint END"
POSTGRESQL_TRIGGER = f"""
CREATE OR REPLACE FUNCTION {{table}}_set_change_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.{COLUMN} := {CLOCK};
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER {{table}}_change_time BEFORE UPDATE ON {{table}}
FOR EACH ROW EXECUTE FUNCTION {{table}}_set_change_time();
"""
# SQLite has one writer at a time and a clock of milliseconds: each write is at least a microsecond after the last one.
SQLITE_TRIGGER = f"""
CREATE TRIGGER IF NOT EXISTS {{table}}_change_time_{{event}} AFTER {{event}} ON {{table}}
WHEN {{condition}} BEGIN
    UPDATE {{table}} SET {COLUMN} = max(
        CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER),
        coalesce((SELECT max({COLUMN}) FROM {{table}} WHERE {COLUMN} IS NOT NULL), 0) + 1
    ) WHERE id = NEW.id;
END
"""
SQLITE_EVENTS = {"INSERT": f"NEW.{COLUMN} IS NULL", "UPDATE": f"NEW.{COLUMN} IS OLD.{COLUMN}"}

# Transactions without a number yet will write later than now. A session of another role hides when it began.
COMPLETE_UNTIL_POSTGRESQL = """
SELECT least(
    (extract(epoch FROM statement_timestamp()) * 1000000)::bigint,
    min((extract(epoch FROM coalesce(xact_start, 'epoch')) * 1000000)::bigint)
) FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
AND datid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
COMPLETE_UNTIL_SQLITE = f"SELECT coalesce(max({COLUMN}), -1) + 1 FROM {{table}} WHERE {COLUMN} IS NOT NULL"


class Clock(models.Func):
    """The column's default: the database's clock on PostgreSQL; on SQLite nothing, since a trigger sets the time."""

    allowed_default = True
    arity = 0

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        """Return the expression for SQLite."""
        return "NULL", []

    def as_postgresql(self, *args: Any, **kwargs: Any) -> Any:
        """Return the expression for PostgreSQL."""
        return CLOCK, []


class ChangeTimeField(models.BigIntegerField):  # type: ignore[type-arg]
    """The time of the row's last write. To be named ``change_time``, with ``create_triggers`` in the migration."""

    set_by_database = True  # see ``crm_project.db.bulk.written_fields``

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "null": True, "editable": False, "db_default": Clock()})

    def deconstruct(self) -> Any:
        """Return the field for a migration; the options are always the same."""

        name, path, args, options = super().deconstruct()
        for option in ("null", "editable", "db_default"):
            options.pop(option, None)
        return name, path, args, options


def create_triggers(connection: BaseDatabaseWrapper, table: str) -> None:
    """Create the triggers that set ``change_time`` of ``table``; those that exist stay."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRESQL_TRIGGER.format(table=table))
            return
        for event, condition in SQLITE_EVENTS.items():
            cursor.execute(SQLITE_TRIGGER.format(table=table, event=event, condition=condition))


def drop_triggers(connection: BaseDatabaseWrapper, table: str) -> None:
    """Drop the triggers of ``table``."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP TRIGGER IF EXISTS {table}_change_time ON {table}")
            cursor.execute(f"DROP FUNCTION IF EXISTS {table}_set_change_time()")
            return
        for event in SQLITE_EVENTS:
            cursor.execute(f"DROP TRIGGER IF EXISTS {table}_change_time_{event}")


def complete_until(table: str) -> int:
    """Return a time: a read that begins now sees every write of ``table`` before it, later reads any write after it.

    That is now, or when the oldest transaction that writes anything began: an import that commits later has rows of
    earlier times. To be called before the rows are read, outside a transaction.
    """
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        cursor.execute(COMPLETE_UNTIL_POSTGRESQL if postgresql else COMPLETE_UNTIL_SQLITE.format(table=table))
        return int(cursor.fetchone()[0])


def to_microseconds(moment: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def from_microseconds(time: int) -> datetime:
    """Return the time, in UTC, of microseconds since 1970."""
    return EPOCH + time * MICROSECOND
