"""Events of logins: ids and IP addresses, and no user input."""

import logging

import pytest

from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from tests.users.test_refresh import later, renew, renewed, start
from tests.users.trying import HERE, log_in
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def zoe() -> User:
    """Return the user who logs in."""
    return make_user(username="Zoë")


def events(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    """Return every event with its facts."""
    return [(it.msg, it.__dict__["facts"]) for it in caplog.records if it.name == "crm.events"]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Return the log of the test."""
    caplog.set_level(logging.INFO)
    return caplog


def test_failures_and_the_lock(log: pytest.LogCaptureFixture) -> None:
    for _ in range(7):
        log_in("Zoë", "typed-secret")
    failed, locked = ("login_failed", {"address": HERE}), ("login_locked", {"address": HERE, "seconds": 900})
    assert events(log) == [failed] * 5 + [locked]
    assert "typed-secret" not in log.text
    assert "Zoë" not in log.text


def test_the_twentieth_name_locks(log: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        log_in(f"name{number}")
    assert [name for name, _ in events(log)] == ["login_failed"] * 20 + ["login_locked"]


def test_a_copied_refresh_token(log: pytest.LogCaptureFixture, zoe: User) -> None:
    first = start()
    renewed(first)
    later(minutes=1)
    renew(first)
    assert events(log) == [("token_family_ended", {"owner_id": zoe.pk, "reason": "reused"})]


def test_log_outs_and_a_new_password(log: pytest.LogCaptureFixture, zoe: User) -> None:
    Api({"Authorization": f"Bearer {start()['access_token']}"}).post("/api/users/logout")
    passwords = {"current_password": PASSWORD, "new_password": "another password"}
    Api(bearer(zoe)).post("/api/users/me/password", passwords)
    zoe.refresh_from_db()
    Api(bearer(zoe)).post("/api/users/logout-all")
    assert events(log) == [
        ("token_family_ended", {"owner_id": zoe.pk, "reason": "logout"}),
        ("password_changed", {}),
        ("logged_out_everywhere", {}),
    ]
