"""The statements that requests run all the time, with as little around them as each database allows."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection


def fetch(statement: str, values: Sequence[str | int | date | None]) -> list[tuple[Any, ...]]:
    """All rows of ``statement``, whose places for values are ``%s``. Raises Django's database errors.

    PostgreSQL plans it once for each connection (``crm_project/postgresql``): for statements whose best plan does not
    depend on their values, and of which there are few.
    """
    if connection.vendor == "postgresql":
        rows: list[tuple[Any, ...]] = connection.fetch(statement, values)  # type: ignore[attr-defined]
        return rows
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
