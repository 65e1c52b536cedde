"""No response repeats a password, whatever is invalid in the request."""

from itertools import product
from urllib.parse import urlencode

import orjson
import pytest

from tests.conftest import Api, Case

SECRET = "s3cr3t-Passw0rd"
FORM = "application/x-www-form-urlencoded"

BODIES = [
    {"password": SECRET},
    {"username": 1, "email": 1, "password": SECRET},
    {"username": "ab", "password": SECRET, "email": "x", "first_name": None, "last_name": 3},
    {"username": "agent1", "email": "a@b.c", "password": SECRET + "\0", "first_name": "", "last_name": ""},
    {"username": "agent1", "password": {"value": SECRET}},
    {"username": "agent1", "password": [SECRET]},
    {"username": {"password": SECRET}, "password": SECRET},
    {"username": [{"password": SECRET}], "password": SECRET},
    {"username": {"login": {"pass": SECRET}}},
    {"Password": SECRET},
    {"username": "agent1", "pasword": SECRET},
    {"username": "agent1", "new_password": SECRET, "client_secret": SECRET},
    [{"username": "agent1", "password": SECRET}],
    [SECRET],
    orjson.dumps({"username": "agent1", "password": SECRET}).decode(),  # encoded twice
    SECRET,
    {"username": "agent1", "email": "a@b.c", "password": SECRET * 400, "first_name": "", "last_name": ""},
]


def test_no_refusal_repeats_a_password(anonymous: Api, case: Case) -> None:
    for path, body in product(["/api/users/register", "/api/users/login", "/api/users/token/refresh"], BODIES):
        with case(path, body):
            reply = anonymous.send("POST", path, orjson.dumps(body))
            assert reply.status_code in (401, 422)
            assert SECRET.encode() not in reply.content


@pytest.mark.parametrize("body", [b'{"password":"%s"', b'{"username":"a","password":"%s"}}', b'"%s', b"%s"])
def test_malformed_json_repeats_none(anonymous: Api, body: bytes) -> None:
    for path in ("/api/users/register", "/api/users/login"):
        reply = anonymous.send("POST", path, body % SECRET.encode())
        assert reply.status_code == 422
        assert SECRET.encode() not in reply.content


def test_the_form_repeats_none(anonymous: Api, case: Case) -> None:
    for fields in [
        {"password": SECRET},
        {"pass": SECRET, "client_secret": SECRET},
        {"username": "a\0", "password": SECRET},
        {"username": "a", "password": SECRET + "\0"},
        {"username": "a", "password": SECRET, "grant_type": "other"},
        {"password": SECRET, "grant_type": "other"},
    ]:
        with case(fields):
            reply = anonymous.send("POST", "/api/users/token", urlencode(fields), FORM)
            assert reply.status_code == 422
            assert SECRET.encode() not in reply.content


def test_a_change_of_password_repeats_none(api: Api, case: Case) -> None:
    for body in [*BODIES, {"current_password": [SECRET], "new_password": SECRET * 400}]:
        with case(body):
            reply = api.send("POST", "/api/users/me/password", orjson.dumps(body))
            assert reply.status_code == 422
            assert SECRET.encode() not in reply.content


def test_the_error_of_a_short_password_does_not_show_it(anonymous: Api) -> None:
    body = {"username": "agent1", "email": "a@b.c", "password": "s3cr3t!", "first_name": "", "last_name": ""}
    (problem,) = anonymous.post("/api/users/register", body).json()["detail"]
    assert problem == {
        "type": "string_too_short",
        "loc": ["body", "password"],
        "msg": "String should have at least 8 characters",
        "input": None,
    }
