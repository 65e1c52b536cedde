"""Explicit SQL for the most frequent statements, which PostgreSQL prepares once for each connection."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from crm_project.database_url import POSTGRESQL
from crm_project.db.replica import reading

VENDOR = "postgresql" if settings.DATABASES["default"]["ENGINE"] == POSTGRESQL else "sqlite"
Value = str | int | date | None
Query = tuple[str, Sequence[Value]]  # a statement with a ``%s`` for each value, and the values


def fetch(
    statement: str, values: Sequence[Value], database: BaseDatabaseWrapper | None = None
) -> list[tuple[Any, ...]]:
    """Return all rows of ``statement``, of the database that serves the reads. Raises Django's database errors.

    For few statements, with a best plan that does not depend on the values.
    """
    database = database or reading()
    if VENDOR == "postgresql":
        rows: list[tuple[Any, ...]] = database.fetch_prepared(statement, values)  # type: ignore[attr-defined]
        return rows
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def insert(statement: str, values: Sequence[Value]) -> int | None:
    """Insert one row and return its id, or ``None`` if none was inserted. Raises Django's database errors."""
    if VENDOR == "postgresql":
        rows = fetch(f"{statement} RETURNING id", values, connections[DEFAULT_DB_ALIAS])
        return int(rows[0][0]) if rows else None
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.lastrowid) if cursor.rowcount else None


def fetch_once(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of a statement that PostgreSQL plans for these values, of the database that serves the reads.

    Raises Django's database errors.
    """
    with reading().cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def among(column: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """Return the condition that ``column`` is one of any number of ``values``, and its parameters."""
    if len(values) == 1:
        return f"{column} = %s", [*values]
    if VENDOR == "postgresql":
        return f"{column} = ANY(%s)", [list(values)]
    return f"{column} IN (SELECT value FROM json_each(%s))", [orjson.dumps(list(values)).decode()]


def planner_estimate(query: str, values: Sequence[Any]) -> int:
    """Return how many rows PostgreSQL's planner expects of a query."""
    ((plan,),) = fetch_once(f"EXPLAIN (FORMAT JSON) {query}", values)
    (root,) = orjson.loads(plan) if isinstance(plan, str) else plan
    return int(root["Plan"]["Plan Rows"])


@cache
def written_columns(model: type[models.Model]) -> tuple[str, ...]:
    """Return the columns that an INSERT has values for: all but the id and those that the database sets."""
    return tuple(
        field.attname
        for field in model._meta.concrete_fields
        if not field.primary_key and not getattr(field, "set_by_database", False)
    )


@cache
def insert_statement(table: str, columns: tuple[str, ...], source: str = "", selected: tuple[str, ...] = ()) -> str:
    """Return the statement that inserts one row, or one for each row of ``source``, with its ``selected`` columns."""
    quoted = ", ".join(f'"{name}"' for name in (*columns, *selected))
    places = ", ".join([*["%s"] * len(columns), *selected])
    row = f"SELECT {places} FROM {source}" if source else f"VALUES ({places})"
    return f"INSERT INTO {table} ({quoted}) {row}"


def stored_values(row: models.Model, columns: Collection[str]) -> list[Any]:
    """Return the values of these columns for a statement of this module."""
    values = [getattr(row, name) for name in columns]
    if VENDOR == "postgresql":
        return values
    return [_as_text(value) if isinstance(value, date) else value for value in values]


def _as_text(day: date) -> str:
    """Return a date or a timestamp as Django stores it on SQLite."""
    return str(day.astimezone(UTC).replace(tzinfo=None) if isinstance(day, datetime) else day)
