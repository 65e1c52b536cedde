"""POST /api/users/register."""

import re

import pytest
from pytest_django import Settings

from tests.conftest import Api, Case
from users.models import User

PATH = "/api/users/register"
BODY = {
    "username": "agent1",
    "email": "a1@example.com",
    "password": "pass123456",
    "first_name": "Agent",
    "last_name": "One",
}
TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}")


def test_it_works(anonymous: Api) -> None:
    reply = anonymous.post(PATH, BODY)
    assert reply.status_code == 201
    user = User.objects.get()
    shown = reply.json()
    assert list(shown) == ["id", "username", "email", "first_name", "last_name", "created_at"]
    assert TIMESTAMP.fullmatch(shown.pop("created_at"))
    assert shown == {
        "id": user.pk,
        "username": "agent1",
        "email": "a1@example.com",
        "first_name": "Agent",
        "last_name": "One",
    }


@pytest.mark.usefixtures("real_hashing")
def test_the_password_is_stored_as_an_argon2_hash(anonymous: Api) -> None:
    reply = anonymous.post(PATH, BODY)
    stored = User.objects.get().password
    assert stored.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert BODY["password"] not in stored
    assert BODY["password"] not in reply.text


def test_a_new_user_can_log_in_at_once(anonymous: Api) -> None:
    anonymous.post(PATH, BODY)
    reply = anonymous.post("/api/users/login", {"username": "agent1", "password": "pass123456"})
    assert reply.status_code == 200


def test_text_is_trimmed_and_the_password_is_not(anonymous: Api) -> None:
    spaced = {name: f"  {value}\t" for name, value in BODY.items()}
    shown = anonymous.post(PATH, spaced).json()
    assert {name: shown[name] for name in BODY if name != "password"} == {
        name: value for name, value in BODY.items() if name != "password"
    }
    assert anonymous.post("/api/users/login", spaced).status_code == 200
    assert anonymous.post("/api/users/login", BODY).status_code == 401


def test_names_may_be_empty(anonymous: Api) -> None:
    reply = anonymous.post(PATH, BODY | {"first_name": "", "last_name": " "})
    assert reply.status_code == 201
    assert (reply.json()["first_name"], reply.json()["last_name"]) == ("", "")


def test_fields_the_server_sets_and_unknown_ones_are_ignored(anonymous: Api) -> None:
    forged = {
        "id": 4711,
        "is_staff": True,
        "is_superuser": True,
        "token_version": 9,
        "is_active": False,
        "role": "boss",
    }
    reply = anonymous.post(PATH, BODY | forged | {"created_at": "2001-01-01T00:00:00.000000", "groups": [1]})
    assert reply.status_code == 201
    user = User.objects.get()
    assert user.pk != 4711
    assert (user.is_staff, user.is_superuser, user.is_active, user.token_version) == (False, False, True, 1)
    assert user.created_at.year > 2001


def test_values_at_the_bounds_are_taken(anonymous: Api, case: Case) -> None:
    for fields in [
        {"username": "abc"},
        {"username": "a b/c?d@é\u4e2d"},
        {"username": "x" * 150},
        {"email": "a@b.c"},
        {"email": "zoë@bücher.example"},
        {"email": "a" * 242 + "@example.com"},
        {"password": "12345678"},
        {"password": " " * 8},
        {"password": "é" * 4096},
        {"first_name": "n" * 150, "last_name": "n" * 150},
    ]:
        with case(fields):
            reply = anonymous.post(PATH, BODY | fields)
            assert reply.status_code == 201
            assert {name: reply.json()[name] for name in fields if name != "password"} == {
                name: value for name, value in fields.items() if name != "password"
            }
            assert anonymous.post("/api/users/login", BODY | fields).status_code == 200


def test_a_bad_value_is_a_422_at_its_field(anonymous: Api, case: Case) -> None:
    for field, value, type in [
        ("username", "ab", "string_too_short"),
        ("username", "  ab  ", "string_too_short"),
        ("username", "", "string_too_short"),
        ("username", "x" * 151, "string_too_long"),
        ("username", "nul\0nul", "value_error"),
        ("username", 12345, "string_type"),
        ("username", True, "string_type"),
        ("username", None, "string_type"),
        ("username", ["abc"], "string_type"),
        ("email", "nobody", "value_error"),
        ("email", "", "value_error"),
        ("email", "a@b", "value_error"),
        ("email", "a@b@c.de", "value_error"),
        ("email", "@b.c", "value_error"),
        ("email", "a b@c.de", "value_error"),
        ("email", "a\u00a0b@c.de", "value_error"),
        ("email", "a@c..de", "value_error"),
        ("email", "a" * 243 + "@example.com", "string_too_long"),
        ("email", None, "string_type"),
        ("password", "1234567", "string_too_short"),
        ("password", "", "string_too_short"),
        ("password", "x" * 4097, "string_too_long"),
        ("password", 12345678, "string_type"),
        ("password", None, "string_type"),
        ("password", "nul\0nul-nul", "value_error"),
        ("first_name", "x" * 151, "string_too_long"),
        ("first_name", None, "string_type"),
        ("last_name", 7, "string_type"),
    ]:
        with case(field, value, type):
            reply = anonymous.post(PATH, BODY | {field: value})
            assert reply.status_code == 422
            (problem,) = reply.json()["detail"]
            assert set(problem) == {"type", "loc", "msg", "input"}
            assert (problem["type"], problem["loc"]) == (type, ["body", field])
            assert problem["msg"]
            assert not User.objects.exists()


def test_a_missing_field_is_a_422(anonymous: Api, case: Case) -> None:
    for field in BODY:
        with case(field):
            reply = anonymous.post(PATH, {name: value for name, value in BODY.items() if name != field})
            assert reply.status_code == 422
            assert [(p["type"], p["loc"], p["msg"]) for p in reply.json()["detail"]] == [
                ("missing", ["body", field], "Field required")
            ]


def test_every_invalid_field_is_an_error(anonymous: Api) -> None:
    reply = anonymous.post(PATH, {"username": 1, "email": "x", "password": "short", "first_name": None})
    assert [problem["loc"][1] for problem in reply.json()["detail"]] == list(BODY)


def test_a_list_of_users_is_refused(anonymous: Api) -> None:
    assert anonymous.post(PATH, [BODY]).status_code == 422
    assert not User.objects.exists()


def test_registration_can_be_closed(anonymous: Api, settings: Settings) -> None:
    settings.REGISTRATION_OPEN = False
    reply = anonymous.post(PATH, BODY)
    assert reply.status_code == 403
    assert reply.json() == {"detail": "Registration is closed"}
    assert not User.objects.exists()
