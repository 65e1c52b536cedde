"""The statements that requests run all the time, with as little around them as each database allows.

A request that reads asks twice: whose token that is, and for what it wants. PostgreSQL answers both in one go where the
second is told ``ahead`` of the first.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, models
from django.db.models.base import ModelState

from crm_project.database_url import POSTGRESQL

VENDOR = "postgresql" if settings.DATABASES["default"]["ENGINE"] == POSTGRESQL else "sqlite"
M = TypeVar("M", bound=models.Model)
Read = tuple[str, Sequence[str | int | date | None]]  # a statement and its values


def instance(model: type[M], columns: Mapping[str, Any], stored_in: str | None = None) -> M:
    """One of ``model`` with these columns: of a stored row (in that database) those that were read, of a new one all.

    Django's own ways go through all columns to find out which there are, at the price of a statement.
    """
    made = model.__new__(model)
    made.__dict__.update(columns, _state=ModelState())
    made._state.adding, made._state.db = stored_in is None, stored_in
    return made


def ahead(*reads: Read) -> None:
    """What will be fetched after the next statement, in this order, to be asked for together with it.

    Each answer is for one ``fetch`` of the same statement and values; where there is none, that asks by itself. What
    was told before is forgotten: so a request that ends calls this without reads.
    """
    if VENDOR == "postgresql":
        connection.look_ahead(reads)  # type: ignore[attr-defined]


def insert(statement: str, values: Sequence[str | int | date | None]) -> int | None:
    """Store one row; its id, or ``None`` where there was none to store. Raises Django's database errors."""
    if VENDOR == "postgresql":
        rows = fetch(f"{statement} RETURNING id", values)
        return int(rows[0][0]) if rows else None
    number: int | None = connection.insert(statement, values)  # type: ignore[attr-defined]
    return number


def fetch(statement: str, values: Sequence[str | int | date | None]) -> list[tuple[Any, ...]]:
    """All rows of ``statement``, whose places for values are ``%s``. Raises Django's database errors.

    PostgreSQL plans it once for each connection (``crm_project/postgresql``): for statements whose best plan does not
    depend on their values, and of which there are few.
    """
    if VENDOR == "postgresql":
        rows: list[tuple[Any, ...]] = connection.fetch(statement, values)  # type: ignore[attr-defined]
        return rows
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
