"""Log lines: events, exceptions, and the format on a terminal."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from crm_project.events import LEFT_OUT, event
from crm_project.logs import JSONFormatter, TextFormatter
from leads import sql
from tests.conftest import Api
from users.models import User

MARK = "ada@example.com"


@pytest.fixture(params=[JSONFormatter, TextFormatter])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Yield the log, in one of the formats."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(request.param())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def failing(error: Exception) -> Any:
    """Return a view that raises ``error``, caused by an exception with user input."""

    def fail(*args: Any) -> None:
        try:
            raise KeyError(MARK)
        except KeyError as cause:
            raise error from cause

    return fail


@pytest.mark.parametrize("log", [JSONFormatter], indirect=True)
def test_an_event_knows_its_request_and_user(
    api: Api, agent: User, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "fetch_page", lambda *args: [event("leads_looked_at", rows=3, reason="asked")][:0])
    reply = api.get("/api/leads")
    error, access = (json.loads(line) for line in log.getvalue().splitlines())
    error.pop("time")
    assert error == {
        "level": "INFO",
        "logger": "crm.events",
        "event": "leads_looked_at",
        "request_id": reply["X-Request-ID"],
        "user_id": agent.pk,
        "rows": 3,
        "reason": "asked",
    }
    assert access["request_id"] == reply["X-Request-ID"]


@pytest.mark.parametrize(
    "value", [MARK, "Ada Lovelace", "+1-555-0100", "(555) 0100", "x" * 65, "eyJhbGciOi.J9_x-1", "Ada\n"]
)
def test_what_people_type_is_left_out_of_events(log: io.StringIO, value: str) -> None:
    event("login_failed", name=value, run=7)
    assert value not in log.getvalue()
    assert LEFT_OUT in log.getvalue()


@pytest.mark.parametrize("value", ["password", "admin:login", "10.0.0.7", "2001:db8::1", "xlsx", 3, True, 1.5])
def test_plain_words_addresses_and_numbers_are_logged(log: io.StringIO, value: Any) -> None:
    event("login_failed", fact=value)
    assert (json.dumps(value) if value is True and "{" in log.getvalue() else str(value)) in log.getvalue()


def test_an_exception_is_logged_with_its_type_and_traceback_only(
    api: Api, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "fetch_page", failing(ValueError(f"not an integer: {MARK}")))
    reply = api.get("/api/leads", q=MARK)
    assert reply.status_code == 500
    assert reply["X-Request-ID"] in log.getvalue()
    assert all(part in log.getvalue() for part in ("ValueError", "KeyError", "leads/views.py", "caused by"))
    assert MARK not in log.getvalue()


def test_messages_of_the_database_about_itself_are_logged(log: io.StringIO) -> None:
    try:
        raise OperationalError(f"connection refused\nDETAIL: {MARK}")
    except DatabaseError:
        logging.getLogger("crm").exception("not today")
    assert "OperationalError: connection refused" in log.getvalue()
    assert MARK not in log.getvalue()


@pytest.mark.parametrize("log", [TextFormatter], indirect=True)
def test_on_a_terminal_it_is_text(log: io.StringIO) -> None:
    event("import_undone", run=7)
    assert log.getvalue().endswith("Z INFO crm.events: import_undone run=7\n")
