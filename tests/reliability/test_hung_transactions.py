"""A process that hangs in a transaction loses its locks; PostgreSQL's limits of requests, commands and imports."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import ConnectionHandler, DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from crm_project import database_url
from crm_project.db.postgresql import base
from leads.importing import runs
from tests.live import fresh_database
from tests.pooler import PROGRAM, pgbouncer

pytestmark = [
    pytest.mark.skipif(settings.DATABASE_URL.startswith("sqlite"), reason="about PostgreSQL's limits"),
    pytest.mark.django_db(transaction=True),
]

LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
SHORT = "?options=-c%20idle_in_transaction_session_timeout%3D200"


@contextmanager
def opened(url: str, *, requests: bool) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection of requests or of commands."""
    config = database_url.parse(url, Path())
    if requests:
        database_url.configure_for_requests(config, 1)
    wrapper = ConnectionHandler({"default": config})["default"]
    try:
        yield wrapper
    finally:
        wrapper.close()
        wrapper.close_pool()  # type: ignore[attr-defined]


def limits_of(wrapper: Any) -> list[str]:
    """Return the limits of a transaction."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT current_setting(name) FROM unnest(%s::text[]) AS name", [list(LIMITS)])
        return [value for (value,) in cursor.fetchall()]


@pytest.fixture
def urls() -> Iterator[list[str]]:
    """Yield a database with a row, directly and through PgBouncer if it is there."""
    with fresh_database() as direct, ExitStack() as stack:
        with psycopg.connect(direct, autocommit=True) as other:
            other.execute("CREATE TABLE numbers (number int)")
            other.execute("INSERT INTO numbers VALUES (0)")
        yield [direct, *([f"{stack.enter_context(pgbouncer(direct)).url}?pooled=transaction"] if PROGRAM else [])]


def test_each_transaction_has_limits(urls: list[str]) -> None:
    for url in urls:
        with opened(url, requests=True) as wrapper:
            assert limits_of(wrapper) == ["10s", "0", "1min"]
    with opened(urls[0], requests=False) as wrapper:
        assert limits_of(wrapper) == ["0", "10min", "10min"]


def test_an_import_has_those_of_a_command_also_in_a_request() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 5; SET LOCAL idle_in_transaction_session_timeout = 5000")
        runs.wait_for_lock()
        assert limits_of(connection) == ["6h", "10min", "10min"]


def test_a_hung_transaction_loses_its_locks(urls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "IDLE_TIMEOUT", 200)  # behind a pooler, the URL cannot set it
    for number, url in enumerate(urls, 1):
        given = url if "pooled" in url else f"{url}{SHORT}"
        with opened(given, requests=True) as hung, psycopg.connect(urls[0], autocommit=True) as other:
            hung.set_autocommit(False)
            with hung.cursor() as cursor:
                cursor.execute("UPDATE numbers SET number = -1")
            other.execute("UPDATE numbers SET number = %s", [number])  # waits until PostgreSQL ends the other
            with pytest.raises(DatabaseError), hung.cursor() as cursor:
                cursor.execute("SELECT 1")
            assert other.execute("SELECT number FROM numbers").fetchone() == (number,)
