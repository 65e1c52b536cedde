"""Copies of a whole SQLite database: made and put back while others read and write, checked before they are trusted.

Everything here is about files and tables as such. PostgreSQL has ``pg_dump`` and ``pg_restore``.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from crm_project.private_files import MODE, make_private

MOST_TRIES = 5
TRY_AGAIN = 0.5  # seconds
FULL = 64  # problems an integrity check lists at most

Rows = dict[str, int]  # by table


class Refused(Exception):
    """A copy that is not made or not put back, with a sentence for the operator. Nothing was changed."""


class _Moved(Exception):
    """Somebody wrote to the database that was about to be replaced."""


def back_up(database: Path, target: Path) -> Rows:
    """Write a consistent, checked copy of ``database`` to ``target``, which appears only when it is complete.

    Writers are not held up. Returns the rows of every table. Raises ``Refused`` where ``target`` exists, where there
    is no database, or where the copy is not sound; ``OSError`` and ``sqlite3.Error`` where disk or database fail.
    """
    if target.exists():
        raise Refused(f"{target} exists already; nothing is written over a backup")
    if not database.exists():
        raise Refused(f"there is no database at {database} yet")
    with _partial(target) as partial:
        with _opened(database) as origin, closing(sqlite3.connect(partial)) as copy:
            origin.execute("BEGIN")  # the rows that are counted are those that are copied
            counted = rows(origin)
            origin.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, with no log beside it
            _check(copy, counted)
        _publish(partial, target)
    return counted


def inspected(file: Path) -> tuple[Rows, set[tuple[str, str]]]:
    """The rows of every table of a sound copy, and the ``(app, name)`` of the migrations it has.

    Raises ``Refused`` for what is no sound copy of a database of ours.
    """
    if not file.is_file():
        raise Refused(f"there is no file {file}")
    try:
        with _opened(file) as connection:
            counted = rows(connection)
            _check(connection, counted)
            if not {"django_migrations", "users_user", "leads_lead"} <= counted.keys():
                raise Refused(f"{file} is a database, but not one of this product's")
            return counted, set(connection.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.DatabaseError as error:
        raise Refused(f"{file} cannot be used: {error}") from None


def replace(database: Path, file: Path, kept: Path | None) -> None:
    """Make ``database`` what ``file`` is, in one transaction: others see all of the old data or all of the new.

    What was there is first copied to ``kept``. Raises ``Refused`` where others write all the time, so that ``kept``
    would not have all.
    """
    for _ in range(MOST_TRIES):
        try:
            if kept and _is_readable(database):
                return _keep_and_overwrite(database, file, kept)
            if kept:
                _put_aside(database, kept)
            return _overwrite(database, file)
        except _Moved:
            threading.Event().wait(TRY_AGAIN)
    raise Refused("others keep writing to the database; stop the server, then restore")


def _keep_and_overwrite(database: Path, file: Path, kept: Path) -> None:
    with _opened(database) as watcher:
        (version,) = watcher.execute("PRAGMA data_version").fetchone()
        back_up(database, kept)
        try:
            if watcher.execute("PRAGMA data_version").fetchone() != (version,):
                raise _Moved
            _overwrite(database, file)
        except _Moved:
            kept.unlink()
            raise


def _overwrite(database: Path, file: Path) -> None:
    make_private(database)  # the log beside it gets the same permissions from SQLite
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{database}{ending}").chmod(MODE)
    with _opened(file) as origin, closing(sqlite3.connect(database, timeout=0)) as live:
        live.execute("PRAGMA journal_mode=WAL")
        live.execute("PRAGMA synchronous=FULL")
        # In one step, so that it is one transaction; and at once or not at all, since who waits for another writer
        # would replace what that one stores.
        origin.backup(live, pages=-1, progress=_only_at_once)


def _only_at_once(status: int, remaining: int, total: int) -> None:
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise _Moved


def rows(connection: sqlite3.Connection) -> Rows:
    """How many rows each table has."""
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
    )
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names.fetchall()}


def _check(connection: sqlite3.Connection, expected: Rows) -> None:
    problems = [row[0] for row in connection.execute(f"PRAGMA integrity_check({FULL})")]
    if problems != ["ok"]:
        raise Refused(f"the copy is damaged: {problems[0]}")
    if rows(connection) != expected:
        raise Refused("the copy does not have the rows of the database")
    if orphan := connection.execute("PRAGMA foreign_key_check").fetchone():
        table, row, parent, _ = orphan
        raise Refused(f"the copy has rows that belong to rows which are not there: row {row} of {table}, to {parent}")


def _is_readable(database: Path) -> bool:
    try:
        with _opened(database) as connection:
            return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
    except sqlite3.DatabaseError:
        return False


def _put_aside(database: Path, kept: Path) -> None:
    """Keep a damaged database as it is, with its log, in which the rest of it may be."""
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{database}{ending}", f"{kept}{ending}")


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that makes no file, and no transaction by itself."""
    uri = f"{file.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)) as connection:
        yield connection


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """An empty file beside ``target`` that only its owner may read: there are password hashes in it."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
    try:
        yield partial
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            Path(f"{partial}{ending}").unlink(missing_ok=True)


def _publish(partial: Path, target: Path) -> None:
    """Give the finished file its name, for good: it survives a power cut, and takes the place of nothing."""
    _flush(partial)
    try:
        os.link(partial, target)
    except FileExistsError:
        raise Refused(f"{target} exists already; nothing is written over a backup") from None
    except OSError:  # a file system without links, as on memory sticks
        os.rename(partial, target)
    _flush(target.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
