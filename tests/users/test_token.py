"""POST /api/users/token: OAuth2's password flow, as OAuth2 clients and Swagger UI send it."""

from base64 import b64encode
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse

from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from users.models import User

PATH = "/api/users/token"
FORM = "application/x-www-form-urlencoded"
CREDENTIALS = {"username": "agent1", "password": PASSWORD}


@pytest.fixture(autouse=True)
def user(db: None) -> User:
    """Return the user who logs in."""
    return make_user(username="agent1", password=PASSWORD)


def post(api: Api, fields: dict[str, str], content_type: str = FORM) -> HttpResponse:
    """Send the URL-encoded form."""
    return api.send("POST", PATH, urlencode(fields), content_type)


def test_it_works(anonymous: Api) -> None:
    reply = post(anonymous, CREDENTIALS)
    assert reply.status_code == 200
    assert reply["Content-Type"].startswith("application/json")
    assert set(reply.json()) == {"access_token", "token_type"}
    assert reply.json()["token_type"] == "bearer"
    token = reply.json()["access_token"]
    me = anonymous.client.get("/api/users/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["username"] == "agent1"


def test_multipart_works_too(anonymous: Api) -> None:
    assert anonymous.client.post(PATH, CREDENTIALS).status_code == 200


def test_the_optional_fields_of_oauth2_are_accepted(anonymous: Api, case: Case) -> None:
    for extra in [
        {"grant_type": "password"},
        {"grant_type": ""},
        {"scope": ""},
        {"scope": "leads:read leads:write"},
        {"client_id": "", "client_secret": ""},
        {"client_id": "spa", "client_secret": "s3cret"},
        {"grant_type": "password", "scope": "", "client_id": "string", "client_secret": "string", "state": "x"},
    ]:
        with case(extra):
            reply = post(anonymous, CREDENTIALS | extra)
            assert reply.status_code == 200
            assert set(reply.json()) == {"access_token", "token_type"}


def test_a_clients_basic_header_is_no_hindrance(anonymous: Api) -> None:
    basic = b64encode(b"client:secret").decode()
    for header in (f"Basic {basic}", "Basic rubbish", "Bearer rubbish"):
        reply = anonymous.client.post(PATH, CREDENTIALS, headers={"Authorization": header})
        assert reply.status_code == 200


@pytest.mark.parametrize("grant", ["client_credentials", "refresh_token", "PASSWORD", "passwords"])
def test_another_grant_is_a_422(anonymous: Api, grant: str) -> None:
    reply = post(anonymous, CREDENTIALS | {"grant_type": grant})
    assert reply.status_code == 422
    (problem,) = reply.json()["detail"]
    assert (problem["type"], problem["loc"]) == ("string_pattern_mismatch", ["body", "grant_type"])
    assert problem["input"] == grant


def test_json_is_a_415(anonymous: Api) -> None:
    reply = anonymous.post(PATH, CREDENTIALS)
    assert reply.status_code == 415
    assert isinstance(reply.json()["detail"], str)


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong password"}, {"username": "nobody"}, {"password": ""}, {"password": f"{PASSWORD} "}]
)
def test_wrong_credentials_are_a_401(anonymous: Api, wrong: dict[str, str]) -> None:
    reply = post(anonymous, CREDENTIALS | wrong)
    assert reply.status_code == 401
    assert reply.json() == {"detail": "Incorrect username or password"}
    assert reply["WWW-Authenticate"] == "Bearer"


def test_the_name_is_trimmed_and_its_case_ignored(anonymous: Api) -> None:
    assert post(anonymous, CREDENTIALS | {"username": " AGENT1 "}).status_code == 200


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", f"{FORM};charset=UTF-8", FORM.upper()])
def test_forms_are_utf_8(anonymous: Api, content_type: str) -> None:
    make_user(username="Zoë", password="Пароль 🔑 + & = %")
    assert post(anonymous, {"username": "zoë", "password": "Пароль 🔑 + & = %"}, content_type).status_code == 200


def test_all_missing_fields_are_errors(anonymous: Api) -> None:
    for body in (b"", b"grant_type=password", b"=&&=", b"grant_type=password&scope=a"):
        reply = anonymous.send("POST", PATH, body, FORM)
        assert reply.status_code == 422
        assert [(p["type"], p["loc"]) for p in reply.json()["detail"]] == [
            ("missing", ["body", "username"]),
            ("missing", ["body", "password"]),
        ]


def test_a_file_is_no_password(anonymous: Api) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nagent1\r\n'
        b'--x\r\nContent-Disposition: form-data; name="password"; filename="p.txt"\r\n\r\n'
        + PASSWORD.encode()
        + b"\r\n--x--\r\n"
    )
    reply = anonymous.send("POST", PATH, body, "multipart/form-data; boundary=x")
    assert reply.status_code == 422
    assert [(p["type"], p["loc"]) for p in reply.json()["detail"]] == [("string_type", ["body", "password"])]


def test_nul_in_a_form_is_a_422(anonymous: Api) -> None:
    reply = anonymous.send("POST", PATH, b"username=agent1%00&password=x", FORM)
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "username"]
