"""Hot reads, prepared once for each connection on PostgreSQL: they give what cursors give, and fail as those do."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.db import DataError, IntegrityError, OperationalError, ProgrammingError, connection, transaction

from crm_project import hot
from crm_project.postgresql import prepared
from leads.models import Lead
from tests.conftest import Api
from tests.factories import bearer, make_lead, make_user
from users.models import User

BOTH = pytest.mark.django_db
COMMITTED = pytest.mark.django_db(transaction=True)


@pytest.fixture
def prepares() -> Iterator[Any]:
    """What this connection has prepared; nothing yet, and nothing of it is kept."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no plans to keep")
    connection.ensure_connection()
    own: Any = connection.connection
    kept, own.prepared = own.prepared, prepared.Prepared(own)
    yield own.prepared
    own.prepared = kept
    if not own.closed and not connection.in_atomic_block:
        own.execute("DEALLOCATE ALL")
        kept.names.clear()


@BOTH
def test_it_works() -> None:
    lead = make_lead(first_name="Zoë", last_name="100%")
    statement = "SELECT first_name, last_name, budget_min, is_active FROM leads_lead WHERE id = %s AND first_name = %s"
    for _ in range(3):
        (row,) = hot.fetch(statement, [lead.pk, "Zoë"])
        assert [*row[:2], bool(row[3])] == ["Zoë", "100%", True]
        assert row[2] == lead.budget_min
    assert hot.fetch(statement, [lead.pk, "zoë"]) == []


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
def test_planned_once(prepares: Any) -> None:
    for number in range(3):
        assert hot.fetch("SELECT %s + 1", [number]) == [(number + 1,)]
    own: Any = connection.connection
    found = own.execute("SELECT statement FROM pg_prepared_statements WHERE name LIKE 'crm_%'").fetchall()
    assert found.count(("SELECT $1 + 1",)) == 1


@COMMITTED
def test_statements_that_the_connection_lost(prepares: Any) -> None:
    """As behind a pooler, which gives each transaction another connection."""
    assert hot.fetch("SELECT %s + 1", [1]) == [(2,)]
    own: Any = connection.connection
    own.execute("DEALLOCATE ALL")
    assert hot.fetch("SELECT %s + 1", [2]) == [(3,)]
    assert hot.fetch("SELECT %s + 1", [3]) == [(4,)]
    assert prepares.given_up


@COMMITTED
def test_a_table_that_was_altered(prepares: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE altered AS SELECT 1 AS one")
        try:
            assert hot.fetch("SELECT * FROM altered", []) == [(1,)]
            cursor.execute("ALTER TABLE altered ADD two text DEFAULT '2'")
            assert hot.fetch("SELECT * FROM altered", []) == [(1, "2")]
        finally:
            cursor.execute("DROP TABLE altered")


@COMMITTED
def test_too_many_statements(prepares: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MOST", 2)
    assert [hot.fetch(f"SELECT {number} + %s", [1]) for number in range(4)] == [[(n + 1,)] for n in range(4)]
    assert len(prepares.names) == 2


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
            hot.fetch(statement, values)
    assert hot.fetch("SELECT 1", []) == [(1,)]


@COMMITTED
def test_it_is_part_of_a_transaction(prepares: Any) -> None:
    with transaction.atomic():
        hot.fetch("CREATE TABLE undone (one int)", [])
        transaction.set_rollback(True)
    assert hot.fetch("SELECT to_regclass('undone')", []) == [(None,)]


@COMMITTED
def test_statements_lost_within_a_transaction(prepares: Any) -> None:
    assert hot.fetch("SELECT %s + 1", [1]) == [(2,)]
    own: Any = connection.connection
    own.execute("DEALLOCATE ALL")
    with pytest.raises(OperationalError), transaction.atomic():
        hot.fetch("SELECT %s + 1", [1])
    with transaction.atomic():
        assert hot.fetch("SELECT %s + 1", [1]) == [(2,)]


@BOTH
@pytest.mark.parametrize(
    "value",
    ["", "None", "a\\b'\"%s$1", 0, -(2**63), True, None, date(2026, 1, 31), datetime(2026, 1, 2, 3, 4, 5, 6, UTC)],
)
def test_values_of_every_kind(value: Any) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a cursor takes them")
    kind = {bool: "bool", int: "int8", date: "date", datetime: "timestamptz"}.get(type(value), "text")
    assert hot.fetch(f"SELECT %s::{kind}", [value]) == [(value,)]


@BOTH
def test_no_text_is_cut_short() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's texts hold NUL")
    with pytest.raises(DataError), transaction.atomic():
        hot.fetch("SELECT %s::text", ["before\0after"])
    assert hot.fetch("SELECT %s::text", ["before"]) == [("before",)]


@BOTH
def test_it_is_counted() -> None:
    told: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        told.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        hot.fetch("SELECT 1", [])
        assert User.objects.for_token(999_999, 1) is None
    assert len(told) == 2


ONE, TWO = "SELECT first_name FROM leads_lead WHERE id = %s", "SELECT last_name FROM leads_lead WHERE id = %s"


@pytest.fixture
def rename(prepares: Any) -> Iterator[Any]:
    """Changes a lead's names over a connection of its own."""
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        yield lambda lead, name: other.execute(
            "UPDATE leads_lead SET first_name = %s, last_name = %s WHERE id = %s", [name, name, lead.pk]
        )


@COMMITTED
def test_what_was_told_ahead_comes_along_for_one_fetch(rename: Any) -> None:
    lead = make_lead(first_name="old", last_name="old")
    hot.ahead((TWO, [lead.pk]), (ONE, [lead.pk]))
    assert hot.fetch(ONE, [lead.pk]) == [("old",)]
    rename(lead, "new")
    assert hot.fetch(TWO, [lead.pk]) == hot.fetch(ONE, [lead.pk]) == [("old",)]
    assert hot.fetch(TWO, [lead.pk]) == hot.fetch(ONE, [lead.pk]) == [("new",)]


@COMMITTED
def test_another_fetch_asks_by_itself(rename: Any) -> None:
    lead, other = make_lead(last_name="old"), make_lead(last_name="other")
    hot.ahead((TWO, [lead.pk]))
    hot.fetch("SELECT 1", [])
    rename(lead, "new")
    assert hot.fetch(TWO, [other.pk]) == [("other",)]
    assert hot.fetch(TWO, [lead.pk]) == [("new",)]


@COMMITTED
@pytest.mark.parametrize("forget", [True, False])
def test_what_was_told_before_is_forgotten(rename: Any, forget: bool) -> None:
    lead = make_lead(last_name="old")
    hot.ahead((TWO, [lead.pk]))
    hot.fetch("SELECT 1", [])
    hot.ahead() if forget else hot.ahead((ONE, [lead.pk]))
    rename(lead, "new")
    assert hot.fetch(TWO, [lead.pk]) == [("new",)]


@COMMITTED
def test_one_that_fails_fails_alone(prepares: Any) -> None:
    for _ in range(2):
        hot.ahead(("SELECT 1 / %s::int", [0]), ("SELECT %s + 1", [1]))
        assert hot.fetch("SELECT 7", []) == [(7,)]
        with pytest.raises(DataError):
            hot.fetch("SELECT 1 / %s::int", [0])
        assert hot.fetch("SELECT %s + 1", [1]) == [(2,)]
        hot.ahead(("SELECT 7", []))
        with pytest.raises(DataError):
            hot.fetch("SELECT 1 / %s::int", [0])
        assert hot.fetch("SELECT 7", []) == [(7,)]


@COMMITTED
def test_one_whose_time_is_over_is_not_asked_again(prepares: Any) -> None:
    """Behind a table that is locked a request would wait twice as long as it may."""
    lead = make_lead()
    first = (f"{ONE} FOR UPDATE", [lead.pk])
    connection.connection.execute("SET statement_timeout = 200")
    try:
        with psycopg.connect(connection.connection.info.dsn) as other:
            other.execute(f"{ONE} FOR UPDATE", [lead.pk])
            hot.ahead(first)
            assert hot.fetch("SELECT 7", []) == [(7,)]
        with pytest.raises(OperationalError, match="statement timeout"):
            hot.fetch(*first)
        assert hot.fetch(*first) == [(lead.first_name,)]
    finally:
        connection.connection.execute("RESET statement_timeout")


@COMMITTED
def test_what_is_no_statement_fails_where_it_is_fetched(prepares: Any) -> None:
    for wrong in (("SELECT nothing FROM nowhere", []), ("SELECT %s::text", ["\0"])):
        hot.ahead(wrong)
        assert hot.fetch("SELECT 1", []) == [(1,)]
        with pytest.raises((ProgrammingError, DataError)):
            hot.fetch(*wrong)


@COMMITTED
def test_statements_that_the_connection_lost_ahead(prepares: Any) -> None:
    own: Any = connection.connection
    for _ in range(2):
        hot.ahead(("SELECT %s + 1", [1]))
        assert (hot.fetch("SELECT 7", []), hot.fetch("SELECT %s + 1", [1])) == ([(7,)], [(2,)])
        own.execute("DEALLOCATE ALL")
    assert prepares.given_up


@COMMITTED
def test_a_connection_that_ends_meanwhile(prepares: Any) -> None:
    hot.fetch("SELECT 1", [])
    own: Any = connection.connection
    with psycopg.connect(own.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [own.info.backend_pid])
    hot.ahead(("SELECT 2", []))
    with pytest.raises(OperationalError):
        hot.fetch("SELECT 1", [])
    connection.close()
    assert hot.fetch("SELECT 2", []) == [(2,)]


@BOTH
def test_nothing_is_ahead_in_a_transaction() -> None:
    lead = make_lead(last_name="old")
    hot.ahead((TWO, [lead.pk]))
    assert hot.fetch("SELECT 1", []) == [(1,)]
    type(lead).objects.filter(pk=lead.pk).update(last_name="new")
    assert hot.fetch(TWO, [lead.pk]) == [("new",)]


@COMMITTED
def test_nobody_is_shown_what_was_read_for_somebody_else() -> None:
    agent, lead = make_user(), make_lead(first_name="old")
    api, path = Api(bearer(agent)), f"/api/leads/{lead.pk}"
    assert api.get(path).json()["first_name"] == "old"
    User.objects.filter(pk=agent.pk).update(is_active=False)
    assert api.get(path).status_code == api.get("/api/leads").status_code == 401
    api.put(path, {"first_name": "not by them"})
    type(lead).objects.filter(pk=lead.pk).update(first_name="new")
    User.objects.filter(pk=agent.pk).update(is_active=True)
    assert api.get(path).json()["first_name"] == api.get("/api/leads").json()[0]["first_name"] == "new"
    assert api.get(f"/api/leads/{lead.pk}/activities").json() == []
    assert Api({"Authorization": "Bearer x"}).get(path).status_code == 401
