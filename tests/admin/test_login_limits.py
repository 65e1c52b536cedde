"""The limits of the login page."""

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_user
from tests.users.trying import ELSEWHERE, HERE, admin, later, log_in, statuses
from users.models import LoginFailure, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def boss() -> User:
    """Return the user whose password is guessed."""
    return make_user(username="Boss", is_staff=True)


def fail(times: int, username: str = "Boss", address: str = HERE) -> None:
    """Try wrong passwords."""
    assert statuses(*(admin(username, address=address) for _ in range(times))) == [200] * times


def test_five_failures() -> None:
    fail(5)
    reply = admin("bOSS", PASSWORD)
    assert reply.status_code == 429
    assert 890 <= int(reply["Retry-After"]) <= 900
    page = reply.content.decode()
    assert "Too many failed attempts. Try again in 15 minutes." in page
    assert 'name="password"' in page
    assert PASSWORD not in page


def test_the_remaining_time() -> None:
    fail(5)
    later(minutes=14, seconds=30)
    assert "Try again in 30 seconds." in admin("Boss").content.decode()
    later(seconds=30)
    assert admin("Boss", PASSWORD).status_code == 302


def test_another_ip_address_is_not_locked() -> None:
    fail(5)
    assert admin("Boss", PASSWORD, ELSEWHERE).status_code == 302


def test_twenty_names_lock_the_ip_address() -> None:
    for number in range(20):
        fail(1, f"name{number}")
    assert admin("Boss", PASSWORD).status_code == 429


def test_success_deletes_the_failures() -> None:
    fail(4)
    assert admin("Boss", PASSWORD).status_code == 302
    assert not LoginFailure.objects.exists()


def test_the_right_password_of_an_agent_counts_as_a_failure() -> None:
    """Otherwise the limit would reveal which password is right."""
    make_user(username="agent")
    replies = [admin("agent", PASSWORD) for _ in range(6)]
    assert statuses(*replies) == [200] * 5 + [429]
    for reply in (admin("nobody"), replies[0]):
        assert "Please enter the correct" in reply.content.decode()


@pytest.mark.parametrize("form", [{}, {"username": "Boss"}, {"username": "Boss", "password": ""}, {"password": "x"}])
def test_an_incomplete_form_is_not_counted(form: dict[str, str]) -> None:
    assert Client(REMOTE_ADDR=HERE).post("/admin/login/", form).status_code == 200
    assert not LoginFailure.objects.exists()


def test_a_form_without_its_csrf_token_is_not_counted() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/admin/login/", {"username": "Boss", "password": "x"}).status_code == 403
    assert not LoginFailure.objects.exists()


def test_the_page_always_opens() -> None:
    fail(5)
    assert Client(REMOTE_ADDR=HERE).get("/admin/login/").status_code == 200


def test_a_lock_of_the_api_applies() -> None:
    assert statuses(*(log_in("Boss") for _ in range(5))) == [401] * 5
    assert admin("Boss", PASSWORD).status_code == 429


def test_guessing_the_old_password(boss: User) -> None:
    browser = Client(REMOTE_ADDR=HERE)
    browser.force_login(boss)
    page, new = "/admin/password_change/", {"new_password1": "a new password", "new_password2": "a new password"}
    assert browser.get(page).status_code == 200
    assert browser.post(page, {"old_password": PASSWORD, "new_password1": "short"}).status_code == 200
    assert not LoginFailure.objects.exists()
    guesses = [browser.post(page, {"old_password": "wrong password", **new}) for _ in range(5)]
    assert statuses(*guesses) == [200] * 5
    reply = browser.post(page, {"old_password": PASSWORD, **new})
    assert reply.status_code == 429
    assert 890 <= int(reply["Retry-After"]) <= 900
    later(minutes=15)
    assert browser.post(page, {"old_password": PASSWORD, **new}).status_code == 302
    assert browser.get("/admin/").status_code == 200
    assert admin("Boss", "a new password").status_code == 302
