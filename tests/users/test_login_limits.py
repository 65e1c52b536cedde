"""Limits on failed logins, by user name and IP address."""

from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from tests.concurrency import together
from tests.factories import PASSWORD, make_user
from tests.users.trying import ELSEWHERE, HERE, admin, later, log_in, send, statuses, token
from users.models import User
from users.throttle import LoginFailure

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def zoe() -> User:
    """Return the user with the attacked account."""
    return make_user(username="Zoë", is_staff=True)


def assert_locked(reply: HttpResponse, least: int = 1, most: int = 900) -> None:
    """Assert the API's 429, with a ``Retry-After`` in that range of seconds."""
    assert reply.status_code == 429
    assert reply.json() == {"detail": "Too many failed attempts; try again later"}
    assert least <= int(reply["Retry-After"]) <= most


def fail(times: int, username: str = "Zoë", address: str = HERE) -> None:
    """Log in that many times with a wrong password; each is a 401."""
    assert statuses(*(log_in(username, address=address) for _ in range(times))) == [401] * times


def test_five_failures_and_the_sixth_try_is_a_429() -> None:
    fail(5)
    assert_locked(log_in("Zoë"), least=890)


def test_even_the_right_password_waits() -> None:
    fail(5)
    assert_locked(log_in("Zoë", PASSWORD))


def test_a_name_nobody_has_is_locked_alike() -> None:
    fail(5, "nobody")
    assert_locked(log_in("nobody"))


def test_the_right_password_works_from_another_address() -> None:
    fail(5)
    assert log_in("Zoë", PASSWORD, ELSEWHERE).status_code == 200
    assert_locked(log_in("Zoë", PASSWORD))


def test_another_user_of_the_same_address_can_log_in() -> None:
    fail(5)
    make_user(username="neighbour")
    assert log_in("neighbour", PASSWORD).status_code == 200


@pytest.mark.parametrize("name", ["zoë", " ZOË ", "Zoe\u0308", "Ｚｏë"])
def test_spellings_of_a_name_are_one_name(name: str) -> None:
    fail(4)
    fail(1, name)
    assert_locked(log_in("Zoë", PASSWORD))


def test_all_login_forms_count_together() -> None:
    assert statuses(log_in("Zoë"), token("Zoë"), admin("Zoë"), token("Zoë"), admin("Zoë")) == [401, 401, 200, 401, 200]
    assert statuses(log_in("Zoë"), token("Zoë"), admin("Zoë")) == [429, 429, 429]


def test_success_wipes_out_the_failures() -> None:
    for _ in range(3):
        fail(4)
        assert log_in("Zoë", PASSWORD).status_code == 200
    assert not LoginFailure.objects.exists()


def test_success_wipes_out_only_one_s_own() -> None:
    fail(4, address=ELSEWHERE)
    fail(4, "other")
    assert log_in("Zoë", PASSWORD).status_code == 200
    assert LoginFailure.objects.count() == 8


def test_a_refused_try_is_not_counted() -> None:
    fail(5)
    for _ in range(3):
        assert_locked(log_in("Zoë"))
    assert LoginFailure.objects.count() == 5


@pytest.mark.parametrize("body", [{"username": "Zoë"}, {"username": "Zoë", "password": 1}, {"password": "x"}])
def test_a_malformed_log_in_is_not_counted(body: dict[str, Any]) -> None:
    assert send("/api/users/login", body).status_code == 422
    assert not LoginFailure.objects.exists()


def test_failures_are_forgotten_after_a_quarter_of_an_hour() -> None:
    fail(3)
    later(minutes=10)
    fail(2)
    assert_locked(log_in("Zoë"), least=290, most=300)
    later(minutes=5)
    fail(3)
    assert_locked(log_in("Zoë"), least=590, most=600)


def test_twenty_names_that_fail_lock_the_address() -> None:
    for number in range(20):
        fail(1, f"name{number}")
    assert_locked(log_in("Zoë", PASSWORD), least=880)
    assert_locked(log_in("yet another"))
    assert log_in("Zoë", PASSWORD, ELSEWHERE).status_code == 200


def test_nineteen_names_do_not() -> None:
    for number in range(19):
        fail(2, f"name{number}")
    assert log_in("Zoë", PASSWORD).status_code == 200


def test_an_address_is_free_when_the_first_of_twenty_names_is_forgotten() -> None:
    fail(1, "name0")
    later(minutes=14)
    for number in range(1, 20):
        fail(1, f"name{number}")
    assert_locked(log_in("Zoë", PASSWORD), most=60)
    later(minutes=1)
    assert log_in("Zoë", PASSWORD).status_code == 200


def test_nothing_typed_stands_in_the_table() -> None:
    """People type their passwords into the field for the name."""
    fail(1, "Secret-Passw0rd")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM users_loginfailure")
        (row,) = cursor.fetchall()
    assert "secret" not in str(row).lower()


def test_guesses_at_the_same_moment_pass_once_and_no_more(concurrent_db: None) -> None:
    first = together(*(partial(log_in, "Zoë", f"guess {number}") for number in range(8)))
    assert statuses(*first).count(401) == LoginFailure.objects.count()
    assert 5 <= LoginFailure.objects.count() <= 8
    second = together(*(partial(log_in, "Zoë", f"guess {number}") for number in range(8)))
    assert statuses(*second) == [429] * 8


class TestUnlocking:
    """What managers see and do."""

    def test_they_see_who_is_locked(self, zoe: User) -> None:
        fail(5)
        fail(4, make_user(username="nearly").username)
        fail(5, "nobody's password")
        assert LoginFailure.objects.locked_users() == [zoe]

    def test_failures_at_several_addresses_lock_nobody(self) -> None:
        for address in (HERE, ELSEWHERE):
            fail(3, address=address)
        assert LoginFailure.objects.locked_users() == []

    def test_they_let_a_user_in_again(self) -> None:
        fail(5)
        fail(5, address=ELSEWHERE)
        assert LoginFailure.objects.unlock("zoë") == 10
        assert LoginFailure.objects.locked_users() == []
        assert log_in("Zoë", PASSWORD).status_code == 200

    def test_they_see_and_unlock_addresses(self) -> None:
        for number in range(20):
            fail(1, f"name{number}")
        assert LoginFailure.objects.locked_addresses() == [HERE]
        assert LoginFailure.objects.unlock_address(HERE) == 20
        assert log_in("Zoë", PASSWORD).status_code == 200

    def test_a_lock_that_is_over_is_not_shown(self) -> None:
        fail(5)
        later(minutes=15)
        assert LoginFailure.objects.locked_users() == []
        assert LoginFailure.objects.locked_addresses() == []
