"""Bulk inserts and updates: COPY on PostgreSQL, ``executemany`` on SQLite."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from operator import itemgetter
from typing import Any

import orjson
from django.db import connection, models

from crm_project.db.sql import written_columns

# The types of columns for binary COPY, by Django's name of the field type.
COPY_TYPES = {
    "CharField": "text",
    "EmailField": "text",
    "SlugField": "text",
    "URLField": "text",
    "TextField": "text",
    "BigIntegerField": "int8",
    "PositiveBigIntegerField": "int8",
    "BigAutoField": "int8",
    "IntegerField": "int4",
    "PositiveIntegerField": "int4",
    "AutoField": "int4",
    "SmallIntegerField": "int2",
    "PositiveSmallIntegerField": "int2",
    "BooleanField": "bool",
    "DateTimeField": "int8",  # see _microseconds: psycopg's conversion in Python takes ten times as long
    "DateField": "date",
    "BinaryField": "bytea",
}
SQLITE_BATCH = 500  # rows of one executemany
SQLITE_PARAMETERS = 999  # of one statement: the limit of every build of SQLite
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Model = type[models.Model]
Write = Callable[[list[Any]], None]


def insert(model: Model, rows: Sequence[dict[str, Any]]) -> None:
    """Insert ``rows``, and add an ascending ``id`` to each. Call it in a transaction.

    Each row has a value for every column except ``id``. It takes two statements for any number of rows, and calls
    neither ``save()`` nor signals. Raises Django's database errors.
    """
    with adding(model, len(rows)) as add:
        add(rows)


@contextmanager
def adding(model: Model, count: int) -> Generator[Callable[[Sequence[dict[str, Any]]], None]]:
    """Yield a function that inserts some rows, as ``insert`` does, for ``count`` rows in all. See ``writer``."""
    columns = ["id", *written_columns(model)]
    in_order, ids = itemgetter(*columns), iter(new_ids(model, count))
    with writer(model, columns, batch=count) as write:

        def add(rows: Sequence[dict[str, Any]]) -> None:
            for row in rows:
                row["id"] = next(ids)
                write(list(in_order(row)))

        yield add


@contextmanager
def writer(model: Model, columns: Sequence[str], batch: int = SQLITE_BATCH) -> Generator[Write]:
    """Yield a function that inserts one row: a list of values in the order of ``columns`` (attribute names).

    The function takes over the list. Use it in a transaction. On PostgreSQL, rows are sent while the caller prepares
    others, and the connection is busy until the block ends. Raises Django's database errors, some at the end only.
    """
    fields = [model._meta.get_field(name) for name in columns]
    quoted = ", ".join(f'"{field.column}"' for field in fields)  # type: ignore[union-attr]
    if connection.vendor == "postgresql":
        yield from _copy(model._meta.db_table, quoted, fields)
    else:
        yield from _execute_many(model._meta.db_table, quoted, fields, batch)


def _copy(table: str, quoted: str, fields: Sequence[Any]) -> Generator[Write]:
    statement = f'COPY "{table}" ({quoted}) FROM STDIN (FORMAT BINARY)'
    timestamps = _indexes(fields, models.DateTimeField)
    adapt = cache_last(_microseconds)
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.set_types([COPY_TYPES[_stored_type(field)] for field in fields])

        def write(values: list[Any]) -> None:
            for index in timestamps:
                values[index] = adapt(values[index])
            copy.write_row(values)

        yield write


def can_copy(field: Any) -> bool:
    """Return whether ``writer`` can insert rows with this field."""
    return _stored_type(field) in COPY_TYPES


def _stored_type(field: Any) -> str:
    """Return Django's name of the column's type; for a foreign key, that of its target."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return str(field.get_internal_type())


def _microseconds(timestamp: datetime | None) -> int | None:
    """Return PostgreSQL's binary form of a ``timestamptz``: microseconds since 2000."""
    return None if timestamp is None else (timestamp - EPOCH) // MICROSECOND


def _indexes(fields: Sequence[Any], field_type: type[Any]) -> list[int]:
    return [index for index, field in enumerate(fields) if isinstance(field, field_type)]


def cache_last(adapt: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return ``adapt`` with a cache of its last result: most rows of a bulk insert have the same timestamp."""
    last_value, last_result = None, adapt(None)

    def cached(value: Any) -> Any:
        nonlocal last_value, last_result
        if value is not last_value:
            last_value, last_result = value, adapt(value)
        return last_result

    return cached


def _execute_many(table: str, quoted: str, fields: Sequence[Any], batch: int) -> Generator[Write]:
    row = f"({', '.join(['%s'] * len(fields))})"
    per_statement = max(1, SQLITE_PARAMETERS // len(fields))
    max_rows = per_statement * max(1, batch // per_statement)
    # Statements of many rows take a third less time than statements of one. OR FAIL: an error ends the transaction
    # anyway, so SQLite need not be able to undo the statement alone.
    one = f'INSERT OR FAIL INTO "{table}" ({quoted}) VALUES {row}'
    many = f"{one}{f', {row}' * (per_statement - 1)}"
    # Timestamps and dates are the only values that need conversion for SQLite's driver.
    adapters = [
        (index, cache_last(partial(fields[index].get_db_prep_save, connection=connection)))
        for index in _indexes(fields, models.DateField)
    ]
    rows: list[list[Any]] = []

    def flush() -> None:
        rest = len(rows) - len(rows) % per_statement
        if rest:
            statements = range(0, rest, per_statement)
            cursor.executemany(many, [list(chain(*rows[start : start + per_statement])) for start in statements])
        if rows[rest:]:
            cursor.executemany(one, rows[rest:])
        rows.clear()

    with connection.cursor() as cursor:

        def write(values: list[Any]) -> None:
            for index, adapt in adapters:
                values[index] = adapt(values[index])
            rows.append(values)
            if len(rows) == max_rows:
                flush()

        yield write
        flush()


def update(model: Model, objects: Sequence[Any], columns: Sequence[str]) -> None:
    """Update ``columns`` (attribute names) of stored ``objects``, in one statement for any number of rows."""
    fields: list[Any] = [model._meta.get_field(name) for name in columns]
    if not objects:
        return
    if connection.vendor == "postgresql":
        _update_from_json(model, objects, fields)
    else:
        _update_each(model, objects, fields)


def _update_from_json(model: Model, objects: Sequence[Any], fields: Sequence[Any]) -> None:
    types = ", ".join(f'"{field.column}" {field.rel_db_type(connection)}' for field in fields)
    changes = ", ".join(f'"{field.column}" = new."{field.column}"' for field in fields)
    statement = (
        f'UPDATE "{model._meta.db_table}" AS old SET {changes}'
        f" FROM jsonb_to_recordset(%s::jsonb) AS new(id bigint, {types}) WHERE old.id = new.id"
    )
    rows = [{"id": row.pk, **{field.column: getattr(row, field.attname) for field in fields}} for row in objects]
    with connection.cursor() as cursor:
        cursor.execute(statement, [orjson.dumps(rows).decode()])


def _update_each(model: Model, objects: Sequence[Any], fields: Sequence[Any]) -> None:
    changes = ", ".join(f'"{field.column}" = %s' for field in fields)
    rows = [
        [*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk]
        for row in objects
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f'UPDATE "{model._meta.db_table}" SET {changes} WHERE id = %s', rows)


def add(model: Model, column: str, amounts: Mapping[int, int]) -> None:
    """Add an amount to ``column`` of each row (by id), in one statement for any number of rows.

    The caller locks the rows first, in the order of their ids.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f'UPDATE "{table}" SET "{column}" = "{column}" + added.amount'
                f' FROM unnest(%s::bigint[], %s::int[]) AS added(id, amount) WHERE "{table}".id = added.id',
                [list(amounts), list(amounts.values())],
            )
        else:
            rows = [(amount, pk) for pk, amount in amounts.items()]
            cursor.executemany(f'UPDATE "{table}" SET "{column}" = "{column}" + %s WHERE id = %s', rows)


def new_ids(model: Model, count: int) -> Sequence[int]:
    """Return ids for ``count`` new rows, ascending. Call it in the transaction that stores them."""
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # OFFSET 0: PostgreSQL looks the sequence up once and not for every row.
            sequence = "SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0"
            sql = f"SELECT nextval(name) FROM ({sequence}) AS sequence, generate_series(1, %s)"
            cursor.execute(sql, [table, column, count])
            return [number for (number,) in cursor.fetchall()]
        # AUTOINCREMENT never reuses an id. The transaction is IMMEDIATE, so no other connection takes the same ids.
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone()
        return range(last + 1, last + 1 + count)
