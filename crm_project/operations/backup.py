"""Backups of a SQLite database: copied and restored while others read and write, and checked before use.

This module uses SQLite's online backup API, since only that copies and counts in one read transaction, and replaces a
database in one write transaction. For PostgreSQL there are ``pg_dump`` and ``pg_restore``.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from crm_project.private_files import MODE, make_private

MAX_ATTEMPTS = 5
RETRY_DELAY = 0.5  # seconds
MAX_PROBLEMS = 64  # that an integrity check lists

RowCounts = dict[str, int]  # by table


class BackupError(Exception):
    """A backup or restore that was rejected, with a sentence for the operator. Nothing was changed."""


class _DatabaseChanged(Exception):
    """Another process wrote to the database that was about to be replaced."""


def back_up(database: Path, target: Path) -> RowCounts:
    """Write a consistent, checked copy of ``database`` to ``target``, which appears only when it is complete.

    Writers do not wait. Return the number of rows of every table. Raise ``BackupError`` where ``target`` exists, where
    there is no database or no folder, or where the copy is damaged; ``OSError`` and ``sqlite3.Error`` where disk or
    database fail.
    """
    if target.exists():
        raise BackupError(f"{target} exists already; backups overwrite nothing")
    if not database.exists():
        raise BackupError(f"there is no database at {database} yet")
    if not target.parent.is_dir():
        raise BackupError(f"there is no folder {target.parent}")
    with _partial_file(target) as partial:
        with open_database(database) as source, closing(sqlite3.connect(partial)) as copy:
            source.execute("BEGIN")  # count the rows of the same state that is copied
            counts = count_rows(source)
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            _check(copy)
            if count_rows(copy) != counts:
                raise BackupError("the copy does not have the rows of the database")
        _publish(partial, target)
    return counts


def inspect(file: Path) -> tuple[RowCounts, set[tuple[str, str]]]:
    """Return the number of rows of every table of a backup, and the ``(app, name)`` of its applied migrations.

    Raise ``BackupError`` where the file is not an undamaged backup of this product's database.
    """
    if not file.is_file():
        raise BackupError(f"there is no file {file}")
    try:
        with open_database(file) as connection:
            counts = count_rows(connection)
            _check(connection)
            if not {"django_migrations", "users_user", "leads_lead"} <= counts.keys():
                raise BackupError(f"{file} is a database, but not one of this product's")
            return counts, set(connection.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.DatabaseError as error:
        raise BackupError(f"{file} cannot be used: {error}") from None


def replace(database: Path, file: Path, saved: Path | None) -> None:
    """Replace ``database`` by ``file`` in one transaction: others see all of the old data or all of the new.

    Copy the present data to ``saved`` first. Raise ``BackupError`` where others write all the time, since ``saved``
    would then be incomplete.
    """
    for _ in range(MAX_ATTEMPTS):
        try:
            if saved and _is_readable(database):
                return _save_and_overwrite(database, file, saved)
            if saved:
                _move_damaged(database, saved)
            return _overwrite(database, file)
        except _DatabaseChanged:
            threading.Event().wait(RETRY_DELAY)
    raise BackupError("others continue to write to the database; stop the server, then restore")


def _save_and_overwrite(database: Path, file: Path, saved: Path) -> None:
    with open_database(database) as watcher:
        (version,) = watcher.execute("PRAGMA data_version").fetchone()
        back_up(database, saved)
        try:
            if watcher.execute("PRAGMA data_version").fetchone() != (version,):
                raise _DatabaseChanged
            _overwrite(database, file)
        except _DatabaseChanged:
            saved.unlink()
            raise


def _overwrite(database: Path, file: Path) -> None:
    make_private(database)  # SQLite gives the log beside it the same permissions
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{database}{suffix}").chmod(MODE)
    with open_database(file) as source, closing(sqlite3.connect(database, timeout=0)) as live:
        live.execute("PRAGMA journal_mode=WAL")
        live.execute("PRAGMA synchronous=FULL")
        # One step makes it one transaction. It does not wait for a lock: it would replace what the other writer stores.
        source.backup(live, pages=-1, progress=_fail_if_locked)


def _fail_if_locked(status: int, remaining: int, total: int) -> None:
    if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        raise _DatabaseChanged


def count_rows(connection: sqlite3.Connection) -> RowCounts:
    """Return the number of rows of every table."""
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
    )
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names.fetchall()}


def _check(connection: sqlite3.Connection) -> None:
    problems = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})")]
    if problems != ["ok"]:
        raise BackupError(f"the copy is damaged: {problems[0]}")
    if orphan := connection.execute("PRAGMA foreign_key_check").fetchone():
        table, row, parent, _ = orphan
        raise BackupError(f"the copy has references to rows that do not exist: row {row} of {table}, to {parent}")


def _is_readable(database: Path) -> bool:
    try:
        with open_database(database) as connection:
            return [row[0] for row in connection.execute("PRAGMA integrity_check(1)")] == ["ok"]
    except sqlite3.DatabaseError:
        return False


def _move_damaged(database: Path, saved: Path) -> None:
    """Move a damaged database, unchanged, with its log, which may have the rest of the data."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{database}{suffix}", f"{saved}{suffix}")


@contextmanager
def open_database(file: Path) -> Iterator[sqlite3.Connection]:
    """Connect to an existing file, without implicit transactions."""
    uri = f"{file.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None)) as connection:
        yield connection


@contextmanager
def _partial_file(target: Path) -> Iterator[Path]:
    """Create an empty file beside ``target`` that only its owner may read: it will have password hashes."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
    try:
        yield partial
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            Path(f"{partial}{suffix}").unlink(missing_ok=True)


def _publish(partial: Path, target: Path) -> None:
    """Give the finished file its name durably (it survives a power cut), without overwriting another file."""
    _sync(partial)
    try:
        os.link(partial, target)
    except FileExistsError:
        raise BackupError(f"{target} exists already; backups overwrite nothing") from None
    except OSError:  # a file system without links, as on memory sticks
        os.rename(partial, target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
