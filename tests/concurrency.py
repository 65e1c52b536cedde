"""Concurrent writers, each in a thread with its own connection."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, connections


def together(*jobs: Callable[[], Any]) -> list[Any]:
    """Run all jobs at the same time and return their results in order; raise the first exception."""
    start = threading.Barrier(len(jobs), timeout=30)

    def run(job: Callable[[], Any]) -> Any:
        try:
            start.wait()
            return job()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(run, job) for job in jobs]]


@contextmanager
def shared_database(folder: Path) -> Iterator[None]:
    """Use a database that threads can share: SQLite's in-memory database is copied to a file.

    The in-memory database locks whole tables and waits for nobody, which no deployment does. PostgreSQL stays as it is.
    """
    if connection.vendor != "sqlite":
        yield
        return
    file = folder / "shared.sqlite3"
    connection.ensure_connection()
    with sqlite3.connect(file) as copy:
        connection.connection.backup(copy)
        copy.execute("PRAGMA journal_mode=WAL")  # as `serve` leaves it; several who turn it over at once are "locked"
    copy.close()
    memory, settings = connections["default"], connections.settings["default"]
    name = settings["NAME"]
    del connections["default"]
    settings["NAME"] = str(file)
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = name
        connections["default"] = memory
