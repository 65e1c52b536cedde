"""The writes of one lead as explicit statements, each with the entry that tells of it.

PostgreSQL takes both in one statement, in one round trip and less time than the ORM takes to put its own together.
"""

from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection, models, transaction

from leads.changes import INSERT, SHARED, Changes, Kind, kind_of, shared
from users.actors import Actor

if TYPE_CHECKING:
    from leads.models import Lead


def insert(lead: "Lead", by: Actor) -> None:
    """Store a new lead, complete but for its id, which it is given. Raises Django's database errors."""
    columns = columns_of(type(lead))
    statement, entry = insertion("leads_lead", columns), shared(by, Kind.CREATED, lead.updated_at)
    if connection.vendor == "postgresql":
        both = f"WITH lead AS ({statement}) {INSERT} SELECT id, '{{}}', {SHARED} FROM lead RETURNING lead_id"
        lead.pk = _run(both, [*stored(lead, columns), *entry])
    else:
        with transaction.atomic():
            lead.pk = _run(statement, stored(lead, columns))
            _run(f"{INSERT} VALUES (%s, '{{}}', {SHARED}) RETURNING id", [lead.pk, *entry])
    lead._state.adding, lead._state.db = False, connection.alias


def update(lead: "Lead", columns: Collection[str], changes: Changes, by: Actor) -> None:
    """Write these columns of a lead whose row is locked, and tell of ``changes``. Raises Django's database errors."""
    assigned = ", ".join(f'"{name}" = %s' for name in columns)
    statement, values = f"UPDATE leads_lead SET {assigned} WHERE id = %s", [*stored(lead, columns), lead.pk]
    told = f"{INSERT} VALUES (%s, %s, {SHARED}) RETURNING id"
    entry = [lead.pk, orjson.dumps(changes).decode(), *shared(by, kind_of(changes), lead.updated_at)]
    if connection.vendor == "postgresql":
        _run(f"WITH lead AS ({statement}) {told}", [*values, *entry])
    else:
        _run(f"{statement} RETURNING id", values)
        _run(told, entry)


@cache
def columns_of(model: type[models.Model]) -> tuple[str, ...]:
    """What a new row of ``model`` is given values for: every column but its id."""
    return tuple(field.attname for field in model._meta.concrete_fields if not field.primary_key)


@cache
def insertion(table: str, columns: tuple[str, ...], source: str = "") -> str:
    """The statement that stores these values as a row, once for each row of ``source``, and returns its id."""
    quoted, places = ", ".join(f'"{name}"' for name in columns), ", ".join(["%s"] * len(columns))
    row = f"SELECT {places} FROM {source}" if source else f"VALUES ({places})"
    return f"INSERT INTO {table} ({quoted}) {row} RETURNING id"


def stored(row: models.Model, columns: Collection[str]) -> list[Any]:
    """The values of these columns as the database takes them."""
    fields = row._meta
    return [fields.get_field(name).get_db_prep_save(getattr(row, name), connection) for name in columns]  # type: ignore[union-attr]


def _run(statement: str, values: list[Any]) -> int:
    """The id that the statement returns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.fetchone()[0])
