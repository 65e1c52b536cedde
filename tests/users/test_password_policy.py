"""The API's rules for new passwords: those of the contract, and stricter ones by policy or account."""

from typing import Any

import pytest

from tests.assertions import refused
from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from users.models import User

pytestmark = pytest.mark.django_db

REGISTER, CHANGE = "/api/users/register", "/api/users/me/password"
NEW_USER = {"username": "carla", "email": "carla@example.com", "first_name": "Carla", "last_name": "Díaz"}
COMMON = "password123"
TOO_COMMON = "Value error, This password is too common."


def change(user: User, new: str) -> Any:
    """Change the user's password through the API."""
    return Api(bearer(user)).post(CHANGE, {"current_password": PASSWORD, "new_password": new})


def test_the_contract_accepts_common_passwords(anonymous: Api, agent: User) -> None:
    assert anonymous.post(REGISTER, {**NEW_USER, "password": COMMON}).status_code == 201
    assert change(agent, COMMON).status_code == 200


@pytest.mark.parametrize("common", [COMMON, "PASSWORD123", "qwertyuiop"])
def test_a_strict_office_refuses_common_passwords(anonymous: Api, agent: User, settings: Any, common: str) -> None:
    settings.PASSWORD_POLICY = "strict"
    reply = anonymous.post(REGISTER, {**NEW_USER, "password": common})
    assert refused(reply) == [("value_error", ["body", "password"])]
    assert reply.json()["detail"][0] == {
        "type": "value_error",
        "loc": ["body", "password"],
        "msg": TOO_COMMON,
        "input": None,
    }
    assert not User.objects.filter(username="carla").exists()
    reply = change(agent, common)
    assert refused(reply) == [("value_error", ["body", "new_password"])]
    assert common.encode() not in reply.content
    assert User.objects.get(pk=agent.pk).check_password(PASSWORD)


def test_a_strict_office_reports_every_bad_field(anonymous: Api, settings: Any) -> None:
    settings.PASSWORD_POLICY = "strict"
    reply = anonymous.post(REGISTER, {**NEW_USER, "email": "nowhere", "password": COMMON})
    assert refused(reply) == [("value_error", ["body", "email"]), ("value_error", ["body", "password"])]
    reply = anonymous.post(REGISTER, {**NEW_USER, "password": "short"})
    assert refused(reply) == [("string_too_short", ["body", "password"])]
    reply = anonymous.post(REGISTER, {**NEW_USER, "password": ["password123"]})
    assert refused(reply) == [("string_type", ["body", "password"])]


def test_a_strict_office_accepts_the_rest(anonymous: Api, agent: User, settings: Any) -> None:
    settings.PASSWORD_POLICY = "strict"
    assert anonymous.post(REGISTER, {**NEW_USER, "password": "carla loves long walks"}).status_code == 201
    assert change(agent, "a rarely used sentence").status_code == 200


def test_passwords_that_there_are_still_log_in(anonymous: Api, settings: Any) -> None:
    settings.PASSWORD_POLICY = "strict"
    make_user(username="carla", password=COMMON)
    assert anonymous.post("/api/users/login", {"username": "carla", "password": COMMON}).status_code == 200


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (COMMON, TOO_COMMON),
        ("theresia.huber", "Value error, The password is too similar to the username."),
        ("huber@example.com", "Value error, The password is too similar to the email."),
    ],
)
def test_who_may_enter_the_back_office_obeys_its_rules_in_the_api(new: str, message: str) -> None:
    user = make_user(username="theresia.huber", email="huber@example.com", is_staff=True)
    reply = change(user, new)
    assert refused(reply) == [("value_error", ["body", "new_password"])]
    assert reply.json()["detail"][0]["msg"] == message
    assert reply.json()["detail"][0]["input"] is None
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert change(user, "a rarely used sentence").status_code == 200
