"""The writes of one lead as explicit SQL, each change with its entry in the audit log.

Running a statement takes less time than the ORM needs to build it. PostgreSQL writes a change and its entry in one.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import orjson
from django.db import connection
from django.db.models import Model

from crm_project.db import sql
from crm_project.db.change_time import COLUMN
from crm_project.db.sql import insert_statement, stored_values, written_columns
from leads.attribution import AUTHOR, author_of, author_query
from leads.audit import COMMON_COLUMNS, INSERT, Changes, common_columns, kind_of_change
from users.audit import Actor

Lead = TypeVar("Lead", bound=Model)  # the model, which imports this


def insert(lead: Model, actor: Actor) -> None:
    """Store a new lead, complete but for its id and its author. Raises Django's database errors.

    One statement, which also finds the author; only an author who is new under that name takes more.
    """
    model = type(lead)
    author, identity = author_query(actor)
    statement = insert_statement("leads_lead", _own_columns(model), f"({author}) AS author", (AUTHOR,))
    lead_id = sql.insert(statement, [*stored_values(lead, _own_columns(model)), *identity])
    if lead_id is None:
        vars(lead)[AUTHOR] = author_of(actor)
        columns = written_columns(model)
        lead_id = sql.insert(insert_statement("leads_lead", columns), stored_values(lead, columns))
    for name in (AUTHOR, COLUMN):  # the next access reads them from the database
        del lead.__dict__[name]
    lead.pk = lead_id
    lead._state.adding, lead._state.db = False, connection.alias


@cache
def _own_columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(name for name in written_columns(model) if name != AUTHOR)


def read(model: type[Lead], lead_id: int, active: bool, locked: bool) -> Lead | None:
    """Return the lead with that id; ``active``: only if it is not softly deleted; ``locked``: until the commit."""
    locked = locked and sql.VENDOR == "postgresql"  # SQLite's transaction locks all rows
    where = f"id = %s{' AND is_active' * active}{' FOR UPDATE' * locked}"
    found = sql.fetch(f"SELECT {', '.join(_names(model))} FROM leads_lead WHERE {where}", [lead_id])
    if not found:
        return None
    row: Sequence[Any] = found[0]
    if sql.VENDOR != "postgresql":  # SQLite returns times without a zone
        row = [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row]
    return model.from_db(connection.alias, _names(model), row)


@cache
def _names(model: type[Model]) -> list[str]:
    return ["id", *written_columns(model)]


def update(
    lead: Model, columns: Collection[str], changes: Changes, actor: Actor, at: datetime, read_at: int
) -> int | None:
    """Write these columns of a lead and log ``changes`` as of ``at``, unless its version is no longer ``read_at``.

    Returns the stored ``activity_count``; ``None`` if it was not written. Raises Django's database errors.
    """
    assigned = ", ".join(f'"{name}" = %s' for name in columns)
    statement = f"UPDATE leads_lead SET {assigned} WHERE id = %s AND version = %s RETURNING id, activity_count"
    values = [*stored_values(lead, columns), lead.pk, read_at]
    as_json = orjson.dumps(changes).decode()
    entry = common_columns(actor, kind_of_change(changes), at)
    if sql.VENDOR == "postgresql":
        log = f"{INSERT} SELECT id, %s, {COMMON_COLUMNS} FROM lead"
        both = f"WITH lead AS ({statement}), log AS ({log}) SELECT id, activity_count FROM lead"
        found = sql.fetch(both, [*values, as_json, *entry])
    elif found := sql.fetch(statement, values):
        sql.fetch(f"{INSERT} VALUES (%s, %s, {COMMON_COLUMNS})", [lead.pk, as_json, *entry])
    return int(found[0][1]) if found else None
