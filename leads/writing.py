"""The writes of one lead as explicit statements, a change with the entry that tells of it.

Each is run in less time than the ORM takes to put its own together; PostgreSQL takes a change and its entry in one.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from django.db import connection, models

from crm_project.db import sql
from leads.attribution import AUTHOR, author_of, author_query
from leads.audit import COMMON_COLUMNS, INSERT, Changes, common_columns, kind_of_change
from users.audit import Actor

if TYPE_CHECKING:
    from leads.models import Lead


def insert(lead: "Lead", actor: Actor) -> None:
    """Store a new lead, complete but for its id and its author. Raises Django's database errors.

    In one statement, which finds the author; only one who is new by that name takes others.
    """
    model = type(lead)
    author, whose = author_query(actor)
    statement = insertion("leads_lead", _told(model), f"({author}) AS author", (AUTHOR,))
    number = sql.insert(statement, [*stored(lead, _told(model)), *whose])
    if number is None:
        lead.created_by_id = author_of(actor)
        number = sql.insert(insertion("leads_lead", columns_of(model)), stored(lead, columns_of(model)))
    del lead.__dict__[AUTHOR]  # it is read where it is asked for
    lead.pk = number
    lead._state.adding, lead._state.db = False, connection.alias


@cache
def _told(model: "type[Lead]") -> tuple[str, ...]:
    return tuple(name for name in columns_of(model) if name != AUTHOR)


def read(model: "type[Lead]", lead_id: int, active: bool, locked: bool) -> "Lead":
    """The lead of that id; ``active``: only if it is not softly deleted; ``locked``: until the transaction ends.

    Raises ``Lead.DoesNotExist``.
    """
    locked = locked and sql.VENDOR == "postgresql"  # SQLite's transaction locks all rows
    where = f"id = %s{' AND is_active' * active}{' FOR UPDATE' * locked}"
    found = sql.fetch(f"SELECT {', '.join(_names(model))} FROM leads_lead WHERE {where}", [lead_id])
    if not found:
        raise model.DoesNotExist
    row: Sequence[Any] = found[0]
    if sql.VENDOR != "postgresql":  # whose driver knows no zones
        row = [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row]
    return model.from_db(connection.alias, _names(model), row)


@cache
def _names(model: "type[Lead]") -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def update(lead: "Lead", columns: Collection[str], changes: Changes, actor: Actor, read_at: int) -> bool:
    """Write these columns of a lead and tell of ``changes``; not where it is at another version than ``read_at``.

    Says whether it was. The lead is given the ``activity_count`` that is stored. Raises Django's database errors.
    """
    assigned = ", ".join(f'"{name}" = %s' for name in columns)
    statement = f"UPDATE leads_lead SET {assigned} WHERE id = %s AND version = %s RETURNING id, activity_count"
    values = [*stored(lead, columns), lead.pk, read_at]
    told = orjson.dumps(changes).decode()
    entry = common_columns(actor, kind_of_change(changes), lead.updated_at)
    if sql.VENDOR == "postgresql":
        tell = f"{INSERT} SELECT id, %s, {COMMON_COLUMNS} FROM lead"
        both = f"WITH lead AS ({statement}), told AS ({tell}) SELECT id, activity_count FROM lead"
        found = sql.fetch(both, [*values, told, *entry])
    elif found := sql.fetch(statement, values):
        sql.fetch(f"{INSERT} VALUES (%s, %s, {COMMON_COLUMNS})", [lead.pk, told, *entry])
    if found:
        lead.activity_count = found[0][1]
    return bool(found)


@cache
def columns_of(model: type[models.Model]) -> tuple[str, ...]:
    """What a new row of ``model`` is given values for: every column but its id."""
    return tuple(field.attname for field in model._meta.concrete_fields if not field.primary_key)


@cache
def insertion(table: str, columns: tuple[str, ...], source: str = "", found: tuple[str, ...] = ()) -> str:
    """The statement that stores these values as a row, or one for each row of ``source``, which has the ``found``."""
    quoted = ", ".join(f'"{name}"' for name in (*columns, *found))
    places = ", ".join([*["%s"] * len(columns), *found])
    row = f"SELECT {places} FROM {source}" if source else f"VALUES ({places})"
    return f"INSERT INTO {table} ({quoted}) {row}"


def stored(row: models.Model, columns: Collection[str]) -> list[Any]:
    """The values of these columns as the database takes them; PostgreSQL takes them as they are (``sql.fetch``)."""
    if sql.VENDOR == "postgresql":
        return [getattr(row, name) for name in columns]
    return [_text_of(value) if isinstance(value, date) else value for value in (getattr(row, name) for name in columns)]


def _text_of(day: date) -> str:
    """A day or a moment as Django stores it on SQLite."""
    return str(day.astimezone(UTC).replace(tzinfo=None) if isinstance(day, datetime) else day)
