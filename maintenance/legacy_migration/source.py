"""The earlier server's database, opened read-only.

All queries see one snapshot, so that tables and counts are consistent. The source may be the database that this product
uses. Rows are streamed. Timestamps and dates are read as text, because databases store some that Python cannot
represent.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg

from crm_project import database_url
from maintenance.legacy_migration.tables import SCHEMAS, SourceError, find_table

BATCH = 5000  # rows fetched from PostgreSQL at a time
TEXT_COLUMNS = frozenset(("created_at", "updated_at", "activity_date"))  # read as text

Row = dict[str, Any]


class Database(Protocol):
    """The operations that SQLite and PostgreSQL implement differently."""

    name: str

    def tables(self) -> dict[str, list[str]]:
        """Return the columns of every table and view by its name."""
        ...

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query."""
        ...


class SQLite:
    """A SQLite file."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self.connection, self.name = connection, name
        # Bytes that are not UTF-8 become surrogates, which the rules reject; the driver itself would stop there.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("BEGIN")  # deferred: a snapshot from the first read on, without a lock that blocks writers

    def tables(self) -> dict[str, list[str]]:
        """Return them from SQLite's catalogue."""
        sql = (
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'view')"
        )
        return _grouped(self.rows(sql))

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query."""
        yield from self.connection.execute(sql)


class PostgreSQL:
    """A PostgreSQL database. Its tables are those in the search path."""

    def __init__(self, connection: psycopg.Connection[Any], name: str) -> None:
        self.connection, self.name = connection, name
        connection.execute("SET TIME ZONE 'UTC'")
        connection.execute("SET datestyle TO 'ISO, YMD'")

    def tables(self) -> dict[str, list[str]]:
        """Return them from PostgreSQL's catalogue."""
        return _grouped(
            self.rows(
                "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND pg_table_is_visible(c.oid)"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND a.attnum > 0 AND NOT a.attisdropped"
            )
        )

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query through a server-side cursor."""
        with self.connection.cursor(name="legacy_migration") as cursor:
            cursor.itersize = BATCH
            cursor.execute(sql)
            yield from cursor


def _grouped(pairs: Iterator[tuple[Any, ...]]) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for table, column in pairs:
        tables.setdefault(table, []).append(column)
    return tables


class Source:
    """The earlier server's three tables (``users``, ``leads``, ``activities``) in one snapshot."""

    def __init__(self, database: Database) -> None:
        self.database, self.name = database, database.name
        tables = database.tables()
        self.tables = {label: find_table(label, schema, tables) for label, schema in SCHEMAS.items()}

    def rows(self, label: str) -> Iterator[Row]:
        """Yield the rows of a table in the order of their ids, with this product's column names."""
        table = self.tables[label]
        selected = ", ".join(
            _as_text(_quoted(column)) if name in TEXT_COLUMNS else _quoted(column)
            for name, column in table.columns.items()
        )
        names = tuple(table.columns)
        order = _quoted(table.columns["id"])
        for values in self._query(f"SELECT {selected} FROM {_quoted(table.name)} ORDER BY {order}"):
            yield dict(zip(names, values, strict=True))

    def count(self, label: str) -> int:
        """Return the number of rows of a table."""
        ((number,),) = self._query(f"SELECT count(*) FROM {_quoted(self.tables[label].name)}")
        return int(number)

    def statuses(self) -> Iterator[tuple[Any, int]]:
        """Yield each status of leads as it is spelled in the source, with the number of its leads."""
        table = self.tables["leads"]
        status = _quoted(table.columns["status"])
        yield from self._query(f"SELECT {status}, count(*) FROM {_quoted(table.name)} GROUP BY {status}")

    def _query(self, sql: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self.database.rows(sql)
        except (sqlite3.Error, psycopg.Error) as error:
            raise SourceError(f"{self.name} cannot be read: {first_line(error)}") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _as_text(column: str) -> str:
    return f"CAST({column} AS text)"


def first_line(error: Exception) -> str:
    """Return the first line of a database's message. Further lines may repeat a whole row with its password hash."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def open_source(config: dict[str, Any]) -> Iterator[Source]:
    """Open the database of a configuration that ``parse_url`` returned, or raise ``SourceError``."""
    connect = _sqlite if config["ENGINE"] == database_url.SQLITE else _postgresql
    with connect(config) as database:
        yield Source(database)


@contextmanager
def _sqlite(config: dict[str, Any]) -> Iterator[Database]:
    path = Path(config["NAME"]).resolve()
    if not path.is_file():
        raise SourceError(f"there is no file {path}")
    connection = None
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        database = SQLite(connection, str(path))
        database.tables()
    except sqlite3.Error as error:
        if connection:
            connection.close()
        raise SourceError(f"{path} cannot be read: {first_line(error)}{_hint(path)}") from None
    try:
        yield database
    finally:
        connection.close()


def _hint(path: Path) -> str:
    # SQLite rolls an interrupted write back when a writer next opens the file; this connection is read-only.
    if not Path(f"{path}-journal").exists():
        return ""
    return " (a write was interrupted: start and stop the earlier server once, which rolls it back)"


@contextmanager
def _postgresql(config: dict[str, Any]) -> Iterator[Database]:
    keywords = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    given = {keyword: config[name] for name, keyword in keywords.items() if config.get(name)}
    name = f"{given['dbname']} on {given.get('host', 'this machine')}"
    try:
        connection = psycopg.connect(**{**given, **config.get("OPTIONS", {})})
    except psycopg.Error as error:
        raise SourceError(f"{name} cannot be read: {first_line(error)}") from None
    try:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield PostgreSQL(connection, name)
    finally:
        connection.close()


def parse_url(url: str, base: Path) -> dict[str, Any]:
    """Return the configuration for a URL or for the path of a SQLite file, or raise ``ValueError``."""
    if "://" not in url and Path(url).is_file():
        return {"ENGINE": database_url.SQLITE, "NAME": url}
    if "://" not in url:
        raise ValueError(
            f"there is no file {url!r}, and it is not a URL (sqlite:///file, postgresql://user:password@host/name)"
        )
    return database_url.parse(url, base)
