"""REGISTRATION_OPEN=approval: a registered account waits until a manager activates it."""

from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from tests.users.test_equal_time import ONE_VERIFICATION, Work, work
from tests.users.test_register import BODY, PATH
from tests.users.trying import admin, log_in, statuses, token
from users.models import LoginFailure, User

__all__ = ["work"]

pytestmark = pytest.mark.django_db

SENTENCE = "This account is waiting for a manager's approval"


def waiting(**fields: Any) -> User:
    """Return a registered user who awaits approval."""
    return make_user(is_active=False, awaiting_approval_since=timezone.now(), **fields)


def test_it_works(anonymous: Api) -> None:
    with override_settings(REGISTRATION_APPROVAL=True):
        reply = anonymous.post(PATH, BODY)
    assert reply.status_code == 201
    assert list(reply.json()) == ["id", "username", "email", "first_name", "last_name", "created_at"]
    user = User.objects.get()
    assert user.is_waiting
    login = anonymous.post("/api/users/login", {"username": "agent1", "password": "pass123456"})
    assert (login.status_code, login.json()) == (403, {"detail": SENTENCE})
    assert User.objects.approve(user, make_user(username="boss"))
    assert anonymous.post("/api/users/login", {"username": "agent1", "password": "pass123456"}).status_code == 200


def test_an_open_registration_waits_for_nobody(anonymous: Api) -> None:
    assert anonymous.post(PATH, BODY).status_code == 201
    user = User.objects.get()
    assert (user.is_active, user.is_waiting, user.awaiting_approval_since) == (True, False, None)


def test_a_taken_name_is_a_409_as_ever(anonymous: Api) -> None:
    waiting(username="AGENT1")
    with override_settings(REGISTRATION_APPROVAL=True):
        assert anonymous.post(PATH, BODY).status_code == 409


def test_the_form_says_the_same() -> None:
    waiting(username="nora")
    reply = token("nora", PASSWORD)
    assert (reply.status_code, reply.json()) == (403, {"detail": SENTENCE})


def test_a_wrong_password_is_the_ordinary_401() -> None:
    waiting(username="nora")
    wrong, unknown = log_in("nora"), log_in("nobody")
    assert (wrong.status_code, wrong.content) == (401, unknown.content)


@pytest.mark.parametrize(("password", "status"), [(PASSWORD, 403), ("wrong password", 401)])
def test_it_takes_the_same_work(anonymous: Api, work: Work, password: str, status: int) -> None:
    waiting(username="nora")
    work.clear()
    assert anonymous.post("/api/users/login", {"username": "nora", "password": password}).status_code == status
    assert work == ONE_VERIFICATION
    work.clear()
    assert admin("nora", password).status_code == 200
    assert work == ONE_VERIFICATION


def test_the_right_password_is_no_failure_and_wrong_ones_count() -> None:
    waiting(username="nora")
    assert statuses(*(log_in("nora") for _ in range(4))) == [401] * 4
    assert log_in("nora", PASSWORD).status_code == 403
    assert not LoginFailure.objects.exists()
    assert statuses(*(log_in("nora") for _ in range(6))) == [401] * 5 + [429]
    assert log_in("nora", PASSWORD).status_code == 429  # the limit is read first


def test_a_deactivated_user_gets_the_ordinary_401() -> None:
    user = waiting(username="nora")
    user.is_active = True
    user.save()
    user.is_active = False
    user.save(update_fields=["is_active"])
    user.refresh_from_db()
    assert (user.is_waiting, user.awaiting_approval_since) == (False, None)
    assert log_in("nora", PASSWORD).status_code == 401


def test_a_save_of_something_else_leaves_it_waiting() -> None:
    user = waiting(username="nora")
    user.first_name = "Nora"
    user.save()
    user.set_password("another password")
    user.save(update_fields=["password"])
    assert User.objects.get(pk=user.pk).is_waiting


def test_no_token_speaks_for_it(anonymous: Api) -> None:
    assert anonymous.get("/api/users/me").status_code == 401
    reply = Api(bearer(waiting())).get("/api/users/me")
    assert reply.status_code == 401


def test_two_decisions_at_once_count_once() -> None:
    user, boss = waiting(), make_user()
    assert User.objects.decline(user, boss)
    assert not User.objects.approve(user, boss)
    assert not User.objects.get(pk=user.pk).is_active


def test_who_is_erased_waits_no_longer() -> None:
    user = waiting()
    User.objects.anonymize(user)
    assert not User.objects.get(pk=user.pk).is_waiting
