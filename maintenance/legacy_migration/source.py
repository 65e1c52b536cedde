"""The earlier server's database, opened to be read alone: its tables, and their rows.

Everything is read in one snapshot, so that its parts fit together; it may be the very database we run on. Rows are
streamed. Moments and days come as text, because databases hold some that Python's types do not.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg

from crm_project import database_url
from maintenance.legacy_migration.tables import SHAPES, Unreadable, find

BATCH = 5000  # rows fetched from PostgreSQL at a time
TEXT = frozenset(("created_at", "updated_at", "activity_date"))  # columns read as text

Row = dict[str, Any]


class Database(Protocol):
    """What SQLite and PostgreSQL each do in their own way."""

    name: str

    def tables(self) -> dict[str, list[str]]:
        """The columns of every table and view, by its name."""
        ...

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, streamed."""
        ...


class SQLite:
    """A SQLite file."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self.connection, self.name = connection, name
        # What is no UTF-8 comes through as surrogates, which the rules refuse; the driver would stop at it.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("BEGIN")  # deferred: a snapshot from the first read on, and no lock that stops a writer

    def tables(self) -> dict[str, list[str]]:
        """From the file's own catalogue."""
        sql = (
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'view')"
        )
        return _grouped(self.rows(sql))

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """One after the other."""
        yield from self.connection.execute(sql)


class PostgreSQL:
    """A PostgreSQL database; the tables are those its search path finds."""

    def __init__(self, connection: psycopg.Connection[Any], name: str) -> None:
        self.connection, self.name = connection, name
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute("SET datestyle TO 'ISO, YMD'")

    def tables(self) -> dict[str, list[str]]:
        """From PostgreSQL's catalogue."""
        return _grouped(
            self.rows(
                "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND pg_table_is_visible(c.oid)"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped"
            )
        )

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """From a cursor on the server's side."""
        with self.connection.cursor(name="takeover") as cursor:
            cursor.itersize = BATCH
            cursor.execute(sql)
            yield from cursor


def _grouped(pairs: Iterator[tuple[Any, ...]]) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for table, column in pairs:
        tables.setdefault(table, []).append(column)
    return tables


class Source:
    """The earlier server's three tables in one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database, self.name = database, database.name
        tables = database.tables()
        self.found = {noun: find(noun, shape, tables) for noun, shape in SHAPES.items()}

    def rows(self, noun: str) -> Iterator[Row]:
        """The rows of ``users``, ``leads`` or ``activities`` in the order of their ids, by our names of the columns."""
        table = self.found[noun]
        wanted = ", ".join(_as_text(_quoted(c)) if ours in TEXT else _quoted(c) for ours, c in table.columns.items())
        names = tuple(table.columns)
        order = _quoted(table.columns["id"])
        for values in self._query(f"SELECT {wanted} FROM {_quoted(table.name)} ORDER BY {order}"):
            yield dict(zip(names, values, strict=True))

    def count(self, noun: str) -> int:
        """How many rows there are."""
        ((number,),) = self._query(f"SELECT count(*) FROM {_quoted(self.found[noun].name)}")
        return int(number)

    def statuses(self) -> Iterator[tuple[Any, int]]:
        """Each status of leads as it is spelt there, and how many leads have it."""
        table = self.found["leads"]
        status = _quoted(table.columns["status"])
        yield from self._query(f"SELECT {status}, count(*) FROM {_quoted(table.name)} GROUP BY {status}")

    def _query(self, sql: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self.database.rows(sql)
        except (sqlite3.Error, psycopg.Error) as error:
            raise Unreadable(f"{self.name} cannot be read: {first_line(error)}") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_text(column: str) -> str:
    return f"CAST({column} AS text)"


def first_line(error: Exception) -> str:
    """A database's message without what follows it: details may repeat a whole row, hashes and all."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def opened(config: dict[str, Any]) -> Iterator[Source]:
    """The source that one of ``database_url.parse``'s configurations names; raises ``Unreadable``."""
    connect = _sqlite if config["ENGINE"] == database_url.SQLITE else _postgresql
    with connect(config) as database:
        yield Source(database)


@contextmanager
def _sqlite(config: dict[str, Any]) -> Iterator[Database]:
    path = Path(config["NAME"]).resolve()
    if not path.is_file():
        raise Unreadable(f"there is no file {path}")
    connection = None
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        database = SQLite(connection, str(path))
        database.tables()
    except sqlite3.Error as error:
        if connection:
            connection.close()
        raise Unreadable(f"{path} cannot be read: {first_line(error)}{_hint(path)}") from None
    try:
        yield database
    finally:
        connection.close()


def _hint(path: Path) -> str:
    # SQLite undoes an interrupted write when it next opens the file to write; we only read.
    if not Path(f"{path}-journal").exists():
        return ""
    return " (a write was interrupted there: start the earlier server once more and stop it, so that it is undone)"


@contextmanager
def _postgresql(config: dict[str, Any]) -> Iterator[Database]:
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    given = {ours: config[theirs] for theirs, ours in names.items() if config.get(theirs)}
    name = f"{given['dbname']} on {given.get('host', 'this machine')}"
    try:
        connection = psycopg.connect(**{**given, **config.get("OPTIONS", {})})
    except psycopg.Error as error:
        raise Unreadable(f"{name} cannot be read: {first_line(error)}") from None
    try:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield PostgreSQL(connection, name)
    finally:
        connection.close()


def parse(url: str, base: Path) -> dict[str, Any]:
    """The configuration for a URL, or for the plain path of a SQLite file; ``ValueError`` where it is neither."""
    if "://" not in url and Path(url).is_file():
        return {"ENGINE": database_url.SQLITE, "NAME": url}
    if "://" not in url:
        raise ValueError(
            f"there is no file {url!r}, and it is no URL (sqlite:///file, postgresql://user:password@host/name)"
        )
    return database_url.parse(url, base)
