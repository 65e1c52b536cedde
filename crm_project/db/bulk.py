"""Many rows into a table at the speed of the database: COPY on PostgreSQL, ``executemany`` on SQLite."""

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

# Binary COPY needs the column's type; by Django's name for the field.
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
    "DateTimeField": "int8",  # see _microseconds: psycopg makes a moment in Python, at ten times the price
    "DateField": "date",
}
SQLITE_BATCH = 500  # rows held back for one executemany
SQLITE_PARAMETERS = 999  # of one statement; what every build of SQLite takes
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Model = type[models.Model]
Write = Callable[[list[Any]], None]


def insert(model: Model, rows: Sequence[dict[str, Any]]) -> None:
    """Store new ``rows`` of ``model``, giving each its id in the order of the sequence; to be called in a transaction.

    A row has a value for every column but ``id``. Two statements for any number of rows; ``save()`` and signals are
    passed by. Raises Django's database errors.
    """
    with adding(model, len(rows)) as add:
        add(rows)


@contextmanager
def adding(model: Model, count: int) -> Generator[Callable[[Sequence[dict[str, Any]]], None]]:
    """The same for ``count`` rows that come in parts: a function that takes one. See ``writer``."""
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
    """A function that stores one row, a list of values in the order of ``columns`` (attribute names), which it keeps.

    To be used inside a transaction. On PostgreSQL the rows travel while the caller makes the next ones, and the
    connection does nothing else until the block ends. Raises Django's database errors, at the latest at its end.
    """
    fields = [model._meta.get_field(name) for name in columns]
    quoted = ", ".join(f'"{field.column}"' for field in fields)  # type: ignore[union-attr]
    if connection.vendor == "postgresql":
        yield from _copy(model._meta.db_table, quoted, fields)
    else:
        yield from _execute_many(model._meta.db_table, quoted, fields, batch)


def _copy(table: str, quoted: str, fields: Sequence[Any]) -> Generator[Write]:
    statement = f'COPY "{table}" ({quoted}) FROM STDIN (FORMAT BINARY)'
    moments = _places(fields, models.DateTimeField)
    adapt = returning_ids(_microseconds)
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        copy.set_types([COPY_TYPES[_stored_type(field)] for field in fields])

        def write(values: list[Any]) -> None:
            for place in moments:
                values[place] = adapt(values[place])
            copy.write_row(values)

        yield write


def can_copy(field: Any) -> bool:
    """Whether rows with this field can be stored by ``writer``."""
    return _stored_type(field) in COPY_TYPES


def _stored_type(field: Any) -> str:
    """Django's name for the type of the column; that of a foreign key is its target's."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return str(field.get_internal_type())


def _microseconds(moment: datetime | None) -> int | None:
    """A ``timestamptz`` as PostgreSQL's binary form has it: microseconds since 2000."""
    return None if moment is None else (moment - EPOCH) // MICROSECOND


def _places(fields: Sequence[Any], kind: type[Any]) -> list[int]:
    return [place for place, field in enumerate(fields) if isinstance(field, kind)]


def returning_ids(adapt: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``adapt`` that does no work twice in a row: most rows of a load carry the same moment."""
    given, adapted = None, adapt(None)

    def remembered(value: Any) -> Any:
        nonlocal given, adapted
        if value is not given:
            given, adapted = value, adapt(value)
        return adapted

    return remembered


def _execute_many(table: str, quoted: str, fields: Sequence[Any], batch: int) -> Generator[Write]:
    row = f"({', '.join(['%s'] * len(fields))})"
    together = max(1, SQLITE_PARAMETERS // len(fields))
    most = together * max(1, batch // together)
    # Many rows a statement cost SQLite a third less than one each. OR FAIL: a row that is refused ends the transaction
    # anyway, and SQLite need not keep what it would take to undo the statement alone.
    one = f'INSERT OR FAIL INTO "{table}" ({quoted}) VALUES {row}'
    many = f"{one}{f', {row}' * (together - 1)}"
    # Moments and days are the only values that SQLite's driver does not take as Django stores them.
    adapted = [
        (place, returning_ids(partial(fields[place].get_db_prep_save, connection=connection)))
        for place in _places(fields, models.DateField)
    ]
    rows: list[list[Any]] = []

    def flush() -> None:
        whole = len(rows) - len(rows) % together
        if whole:
            cursor.executemany(many, [list(chain(*rows[at : at + together])) for at in range(0, whole, together)])
        if rows[whole:]:
            cursor.executemany(one, rows[whole:])
        rows.clear()

    with connection.cursor() as cursor:

        def write(values: list[Any]) -> None:
            for place, adapt in adapted:
                values[place] = adapt(values[place])
            rows.append(values)
            if len(rows) == most:
                flush()

        yield write
        flush()


def update(model: Model, objects: Sequence[Any], columns: Sequence[str]) -> None:
    """Write ``columns`` (attribute names) of stored ``objects``: one statement for any number of rows."""
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
    rows = [{"id": thing.pk, **{field.column: getattr(thing, field.attname) for field in fields}} for thing in objects]
    with connection.cursor() as cursor:
        cursor.execute(statement, [orjson.dumps(rows).decode()])


def _update_each(model: Model, objects: Sequence[Any], fields: Sequence[Any]) -> None:
    changes = ", ".join(f'"{field.column}" = %s' for field in fields)
    rows = [
        [*(field.get_db_prep_save(getattr(thing, field.attname), connection) for field in fields), thing.pk]
        for thing in objects
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f'UPDATE "{model._meta.db_table}" SET {changes} WHERE id = %s', rows)


def add(model: Model, column: str, amounts: Mapping[int, int]) -> None:
    """Add to ``column`` of the rows with these ids what each is to get more: one statement for any number of rows.

    Whoever else may write the rows at the same time is to be kept out by locking them first, in the order of their ids.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f'UPDATE "{table}" SET "{column}" = "{column}" + more.amount'
                f' FROM unnest(%s::bigint[], %s::int[]) AS more(id, amount) WHERE "{table}".id = more.id',
                [list(amounts), list(amounts.values())],
            )
        else:
            rows = [(amount, pk) for pk, amount in amounts.items()]
            cursor.executemany(f'UPDATE "{table}" SET "{column}" = "{column}" + %s WHERE id = %s', rows)


def new_ids(model: Model, count: int) -> Sequence[int]:
    """Return ids for ``count`` new rows, ascending; to be called in the transaction that stores them."""
    table, column = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # OFFSET 0 keeps the sequence from being looked up for every row, which takes longer than counting on it.
            sequence = "SELECT pg_get_serial_sequence(%s, %s)::regclass AS name OFFSET 0"
            sql = f"SELECT nextval(name) FROM ({sequence}) AS sequence, generate_series(1, %s)"
            cursor.execute(sql, [table, column, count])
            return [number for (number,) in cursor.fetchall()]
        # AUTOINCREMENT never hands out an id twice; the transaction is IMMEDIATE, so nobody else counts meanwhile.
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s", [table])
        (last,) = cursor.fetchone()
        return range(last + 1, last + 1 + count)
