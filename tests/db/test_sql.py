"""Explicit statements, prepared once for each connection on PostgreSQL: they give what cursors give, and fail alike."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError, ProgrammingError, connection, transaction

from crm_project.db import sql
from leads.models import Lead
from tests.factories import make_lead
from users.models import User

BOTH = pytest.mark.django_db
COMMITTED = pytest.mark.django_db(transaction=True)
PREPARED = "SELECT statement FROM pg_prepared_statements"


@pytest.fixture
def raw() -> Iterator[Any]:
    """psycopg's connection, new, so that nothing is prepared on it; PostgreSQL alone."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite prepares by itself")
    connection.close()
    connection.ensure_connection()
    yield connection.connection
    connection.close()


@BOTH
def test_it_works() -> None:
    lead = make_lead(first_name="Zoë", last_name="100%")
    statement = "SELECT first_name, last_name, budget_min, is_active FROM leads_lead WHERE id = %s AND first_name = %s"
    for _ in range(3):
        (row,) = sql.fetch(statement, [lead.pk, "Zoë"])
        assert [*row[:2], bool(row[3])] == ["Zoë", "100%", True]
        assert row[2] == lead.budget_min
    assert sql.fetch(statement, [lead.pk, "zoë"]) == []


@COMMITTED
def test_a_row_is_stored_or_refused() -> None:
    """By itself, and with what it is part of."""
    with pytest.raises(IntegrityError):
        make_lead(budget_min=-1)
    with transaction.atomic():
        make_lead()
        transaction.set_rollback(True)
    assert not Lead.objects.exists()
    lead = make_lead(first_name="100%s")
    assert Lead.objects.get() == lead
    assert Lead.objects.get().first_name == "100%s"


@COMMITTED
def test_prepared_once_whatever_the_values(raw: Any) -> None:
    for number in (0, 2**40, None):
        assert sql.fetch("SELECT %s::bigint", [number]) == [(number,)]
    assert raw.execute(PREPARED).fetchall().count(("SELECT $1::bigint",)) == 1


@COMMITTED
def test_django_prepares_nothing(raw: Any) -> None:
    for _ in range(8):
        User.objects.count()
    assert raw.execute(PREPARED).fetchall() == []


@COMMITTED
def test_statements_that_the_connection_lost(raw: Any) -> None:
    """As behind a pooler, which gives each transaction another connection."""
    assert sql.fetch("SELECT %s + 1", [1]) == [(2,)]
    raw.pgconn.exec_(b"DEALLOCATE ALL")  # past psycopg, which takes notice of it
    assert sql.fetch("SELECT %s + 1", [2]) == [(3,)]
    assert sql.fetch("SELECT %s + 1", [3]) == [(4,)]
    assert raw.execute(PREPARED).fetchall() == []


@COMMITTED
def test_a_table_that_was_altered(raw: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE altered AS SELECT 1 AS one")
        try:
            assert sql.fetch("SELECT * FROM altered", []) == [(1,)]
            cursor.execute("ALTER TABLE altered ADD two text DEFAULT '2'")
            assert sql.fetch("SELECT * FROM altered", []) == [(1, "2")]
        finally:
            cursor.execute("DROP TABLE altered")


@COMMITTED
def test_statements_lost_within_a_transaction(raw: Any) -> None:
    assert sql.fetch("SELECT %s + 1", [1]) == [(2,)]
    raw.pgconn.exec_(b"DEALLOCATE ALL")  # past psycopg, which takes notice of it
    with pytest.raises(OperationalError), transaction.atomic():
        sql.fetch("SELECT %s + 1", [1])
    with transaction.atomic():
        assert sql.fetch("SELECT %s + 1", [1]) == [(2,)]


@BOTH
@pytest.mark.parametrize(
    ("statement", "values", "error"),
    [("SELECT nothing FROM nowhere", [], ProgrammingError), ("SELECT %s::int", ["x"], DataError)],
)
def test_errors_are_djangos(statement: str, values: list[Any], error: type[Exception]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("its errors are those of a cursor")
    for _ in range(2):
        with pytest.raises(error), transaction.atomic():
            sql.fetch(statement, values)
    assert sql.fetch("SELECT 1", []) == [(1,)]


@COMMITTED
def test_it_is_part_of_a_transaction(raw: Any) -> None:
    with transaction.atomic():
        number = sql.insert("INSERT INTO leads_author (name) VALUES (%s)", ["undone"])
        assert sql.fetch("SELECT name FROM leads_author WHERE id = %s", [number]) == [("undone",)]
        transaction.set_rollback(True)
    assert sql.fetch("SELECT name FROM leads_author WHERE id = %s", [number]) == []


@BOTH
@pytest.mark.parametrize(
    "value",
    ["", "None", "a\\b'\"%s$1", 0, -(2**63), True, None, date(2026, 1, 31), datetime(2026, 1, 2, 3, 4, 5, 6, UTC)],
)
def test_values_of_every_kind(value: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a cursor takes them")
    kind = {bool: "bool", int: "int8", date: "date", datetime: "timestamptz"}.get(type(value), "text")
    assert sql.fetch(f"SELECT %s::{kind}", [value]) == [(value,)]


@BOTH
def test_no_text_is_cut_short() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's texts hold NUL")
    with pytest.raises(DataError), transaction.atomic():
        sql.fetch("SELECT %s::text", ["before\0after"])
    assert sql.fetch("SELECT %s::text", ["before"]) == [("before",)]


@BOTH
def test_it_is_counted() -> None:
    seen: list[str] = []

    def count(execute: Any, statement: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(statement)
        return execute(statement, params, many, context)

    with connection.execute_wrapper(count):
        sql.fetch("SELECT 1", [])
        assert User.objects.get_by_token_claims(999_999, 1) is None
    assert len(seen) == 2


@COMMITTED
def test_a_connection_that_ends_meanwhile(raw: Any) -> None:
    sql.fetch("SELECT 1", [])
    with psycopg.connect(raw.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])
    with pytest.raises(OperationalError):
        sql.fetch("SELECT 1", [])
    connection.close()
    assert sql.fetch("SELECT 2", []) == [(2,)]
