"""Which database errors are outages, and the limits of requests, which commands do not have."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from django import db

from crm_project import database_url
from leads import sql
from tests.conftest import Api

pytestmark = pytest.mark.fast

OUTAGES = [
    (db.OperationalError, psycopg.errors.AdminShutdown),
    (db.OperationalError, psycopg.errors.CannotConnectNow),
    (db.OperationalError, psycopg.errors.TooManyConnections),
    (db.OperationalError, psycopg.errors.DeadlockDetected),
    (db.OperationalError, psycopg.errors.SerializationFailure),
    (db.OperationalError, psycopg.errors.LockNotAvailable),
    (db.OperationalError, psycopg.errors.DiskFull),
    (db.OperationalError, psycopg.errors.QueryCanceled),
    (db.InternalError, psycopg.errors.ReadOnlySqlTransaction),
    (db.InterfaceError, psycopg.InterfaceError),
    (db.DatabaseError, psycopg.DatabaseError),
]


def failing(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    """Make the list of leads raise the error."""

    def fail(*_: Any) -> None:
        raise kind("what the database said")

    monkeypatch.setattr(sql, "fetch_page", fail)


@pytest.mark.parametrize(("kind", "cause"), OUTAGES)
def test_an_outage_is_a_503(
    api: Api, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], cause: type[Exception]
) -> None:
    assert issubclass(cause, getattr(psycopg, kind.__name__))  # so that Django makes the one of the other
    failing(monkeypatch, kind)
    reply = api.get("/api/leads")
    assert reply.status_code == 503
    assert set(reply.json()) == {"detail"}
    assert "what the database said" not in reply.json()["detail"]
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize("kind", [db.ProgrammingError, db.DataError, db.IntegrityError, db.NotSupportedError])
def test_a_mistake_of_ours_is_not(api: Api, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> None:
    failing(monkeypatch, kind)
    assert api.get("/api/leads").status_code == 500


def test_requests_have_limits_that_commands_have_not() -> None:
    config = database_url.parse("postgresql://u@db/crm", Path("/srv"))
    assert config["OPTIONS"]["connect_timeout"] == 5
    assert "statement_timeout" not in config["OPTIONS"]["options"]
    assert "-c idle_in_transaction_session_timeout=600000 -c lock_timeout=600000" in config["OPTIONS"]["options"]
    for _ in range(2):  # whoever loads both applications gets no more of it
        database_url.configure_for_requests(config, 4)
        assert config["OPTIONS"]["options"].count("-c statement_timeout=10000") == 1
        assert config["OPTIONS"]["options"].count("-c idle_in_transaction_session_timeout=60000 ") == 1
        assert config["OPTIONS"]["response_timeout"] == 15


@pytest.mark.django_db
def test_requests_on_sqlite_take_less_memory_than_commands(tmp_path: Path) -> None:
    """The cache of each thread's connection."""
    config = database_url.parse(f"sqlite:///{tmp_path}/a.db", Path("/srv"))

    def cache() -> int:
        opened = db.ConnectionHandler({"default": config})["default"]
        with opened.cursor() as cursor:
            cache_size = int(cursor.execute("PRAGMA cache_size").fetchone()[0])
        opened.close()
        return cache_size

    assert cache() == -24 * 1024
    for _ in range(2):
        database_url.configure_for_requests(config, 4)
        assert cache() == -8 * 1024


def test_limits_of_the_url_win() -> None:
    url = "postgresql://u@db/crm?options=-c%20statement_timeout%3D5&response_timeout=2&connect_timeout=9"
    config = database_url.parse(url, Path("/srv"))
    database_url.configure_for_requests(config, 4)
    options = config["OPTIONS"]
    assert options["options"].index("statement_timeout=10000") < options["options"].index("statement_timeout=5")
    assert (str(options["response_timeout"]), str(options["connect_timeout"])) == ("2", "9")


def test_sqlites_wait_for_a_lock() -> None:
    assert database_url.parse("sqlite:///a.db", Path("/srv"))["OPTIONS"]["timeout"] == 10
    assert database_url.parse("sqlite:///a.db?timeout=2.5", Path("/srv"))["OPTIONS"]["timeout"] == 2.5
    for wrong in ("soon", "-1", "nan", "1e9"):
        with pytest.raises(ValueError, match="timeout"):
            database_url.parse(f"sqlite:///a.db?timeout={wrong}", Path("/srv"))
