"""Explicit SQL for the statements that requests run all the time: PostgreSQL prepares each once for a connection."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection

from crm_project.database_url import POSTGRESQL

VENDOR = "postgresql" if settings.DATABASES["default"]["ENGINE"] == POSTGRESQL else "sqlite"
Value = str | int | date | None
Query = tuple[str, Sequence[Value]]  # a statement with a ``%s`` for each value, and the values


def fetch(statement: str, values: Sequence[Value]) -> list[tuple[Any, ...]]:
    """Return all rows of ``statement``. Raises Django's database errors.

    For statements whose best plan does not depend on their values, and of which there are few.
    """
    if VENDOR == "postgresql":
        rows: list[tuple[Any, ...]] = connection.fetch_prepared(statement, values)  # type: ignore[attr-defined]
        return rows
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def insert(statement: str, values: Sequence[Value]) -> int | None:
    """Insert one row and return its id, or ``None`` where no row was inserted. Raises Django's database errors."""
    if VENDOR == "postgresql":
        rows = fetch(f"{statement} RETURNING id", values)
        return int(rows[0][0]) if rows else None
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.lastrowid) if cursor.rowcount else None
