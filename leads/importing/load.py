"""Many rows into a table at the speed of the database: COPY on PostgreSQL, ``executemany`` on SQLite."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models, transaction

# Binary COPY needs the column's type; by Django's name for the field.
COPY_TYPES = {
    "CharField": "text",
    "TextField": "text",
    "BigIntegerField": "int8",
    "BigAutoField": "int8",
    "ForeignKey": "int8",
    "IntegerField": "int4",
    "BooleanField": "bool",
    "DateTimeField": "timestamptz",
    "DateField": "date",
}


def insert(model: type[models.Model], objects: Sequence[Any]) -> None:
    """Store new ``objects`` of ``model``, all or none, giving each its id in the order of the sequence.

    Two statements for any number of rows. ``save()`` and signals are passed by: the objects must be complete.
    Raises Django's database errors.
    """
    fields = model._meta.concrete_fields
    with transaction.atomic(), connection.cursor() as cursor:
        for thing, number in zip(objects, _new_ids(cursor, model, len(objects)), strict=True):
            thing.pk = number
        if connection.vendor == "postgresql":
            _copy(cursor, model, fields, objects)
        else:
            _execute_many(cursor, model, fields, objects)
    for thing in objects:
        thing._state.adding = False
        thing._state.db = connection.alias


def _new_ids(cursor: Any, model: type[models.Model], count: int) -> Sequence[int]:
    table, column = model._meta.db_table, model._meta.pk.column
    if connection.vendor == "postgresql":
        sql = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
        cursor.execute(sql, [table, column, count])
        return [number for (number,) in cursor.fetchall()]
    # AUTOINCREMENT never hands out an id twice; the transaction is IMMEDIATE, so nobody else counts meanwhile.
    cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
    (last,) = cursor.fetchone()
    return range(last + 1, last + 1 + count)


def _copy(cursor: Any, model: type[models.Model], fields: Sequence[Any], objects: Sequence[Any]) -> None:
    names = [field.attname for field in fields]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    statement = f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN (FORMAT BINARY)'
    with connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.set_types([COPY_TYPES[field.get_internal_type()] for field in fields])
        for thing in objects:
            values = thing.__dict__
            copy.write_row([values[name] for name in names])


def _execute_many(cursor: Any, model: type[models.Model], fields: Sequence[Any], objects: Sequence[Any]) -> None:
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    rows = [
        [field.get_db_prep_save(getattr(thing, field.attname), connection) for field in fields] for thing in objects
    ]
    cursor.executemany(f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})', rows)
