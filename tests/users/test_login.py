"""POST /api/users/login."""

import pytest
from django.http import HttpResponse

from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from users.models import User

PATH = "/api/users/login"


@pytest.fixture
def zoe(db: None) -> User:
    """Return a user with letters beyond ASCII in her name."""
    return make_user(username="Zoë", password=PASSWORD)


def assert_refused(reply: HttpResponse) -> None:
    """Assert the response to a wrong user name or password."""
    assert reply.status_code == 401
    assert reply.json() == {"detail": "Incorrect username or password"}
    assert reply["WWW-Authenticate"] == "Bearer"


def test_it_works(anonymous: Api, zoe: User) -> None:
    reply = anonymous.post(PATH, {"username": "Zoë", "password": PASSWORD})
    assert reply.status_code == 200
    assert set(reply.json()) == {"access_token", "token_type"}
    assert reply.json()["token_type"] == "bearer"
    token = reply.json()["access_token"]
    me = anonymous.client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["username"] == "Zoë"


def test_the_user_name_is_trimmed_and_its_case_ignored(anonymous: Api, zoe: User, case: Case) -> None:
    for name in ["zoë", "ZOË", "  Zoë\n", "Zoe\u0308", "Ｚｏë"]:
        with case(name):
            assert anonymous.post(PATH, {"username": name, "password": PASSWORD}).status_code == 200


def test_an_unknown_user_is_a_401(anonymous: Api, zoe: User, case: Case) -> None:
    for name in ["Zoe", "nobody", "", " ", "x" * 5000, "' OR 1=1 --"]:
        with case(name):
            assert_refused(anonymous.post(PATH, {"username": name, "password": PASSWORD}))


def test_a_wrong_password_is_a_401_of_whatever_length(anonymous: Api, zoe: User, case: Case) -> None:
    for password in ["wrong", "", "x", PASSWORD.upper(), f" {PASSWORD}", f"{PASSWORD} ", PASSWORD + "x" * 5000]:
        with case(password):
            assert_refused(anonymous.post(PATH, {"username": "Zoë", "password": password}))


def test_a_password_of_4096_characters_counts_to_the_last(anonymous: Api) -> None:
    make_user(username="long", password="p" * 4095 + "!")
    assert anonymous.post(PATH, {"username": "long", "password": "p" * 4095 + "!"}).status_code == 200
    assert_refused(anonymous.post(PATH, {"username": "long", "password": "p" * 4095 + "?"}))
    assert_refused(anonymous.post(PATH, {"username": "long", "password": "p" * 4095 + "!!"}))


def test_a_deactivated_user_is_a_401_like_any_other(anonymous: Api) -> None:
    make_user(username="gone", is_active=False)
    assert_refused(anonymous.post(PATH, {"username": "gone", "password": PASSWORD}))


def test_a_user_without_a_usable_password_cannot_log_in(anonymous: Api) -> None:
    make_user(username="locked", password=None)
    assert_refused(anonymous.post(PATH, {"username": "locked", "password": ""}))
    assert_refused(anonymous.post(PATH, {"username": "locked", "password": PASSWORD}))


def test_the_email_address_is_no_user_name(anonymous: Api, zoe: User) -> None:
    assert_refused(anonymous.post(PATH, {"username": zoe.email, "password": PASSWORD}))


def test_a_malformed_body_is_a_422(anonymous: Api, zoe: User, case: Case) -> None:
    for body, expected in [
        ({}, [("missing", ["body", "username"]), ("missing", ["body", "password"])]),
        ({"username": "Zoë"}, [("missing", ["body", "password"])]),
        (
            {"username": 1, "password": None},
            [("string_type", ["body", "username"]), ("string_type", ["body", "password"])],
        ),
        ({"username": "a\0b", "password": PASSWORD}, [("value_error", ["body", "username"])]),
        ({"username": "Zoë", "password": "a\0b"}, [("value_error", ["body", "password"])]),
        ([], [("model_attributes_type", ["body"])]),
        ('"Zoë"', [("model_attributes_type", ["body"])]),
    ]:
        with case(body, expected):
            reply = anonymous.post(PATH, body)
            assert reply.status_code == 422
            assert [(problem["type"], problem["loc"]) for problem in reply.json()["detail"]] == expected


def test_a_form_with_parts_is_a_415(anonymous: Api, zoe: User) -> None:
    reply = anonymous.client.post(PATH, {"username": "Zoë", "password": PASSWORD})
    assert reply.status_code == 415
    assert isinstance(reply.json()["detail"], str)


def test_a_bad_token_in_the_header_does_not_matter(anonymous: Api, zoe: User) -> None:
    reply = anonymous.client.post(
        PATH,
        {"username": "zoë", "password": PASSWORD},
        content_type="application/json",
        headers={"Authorization": "Bearer rubbish"},
    )
    assert reply.status_code == 200
