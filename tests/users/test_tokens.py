"""Valid and invalid access tokens. The tests sign them themselves, so that any claims are possible."""

import hmac
import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from itertools import product
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse

from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from users.models import User
from users.tokens import access_token

HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def part(value: bytes) -> str:
    """URL-safe Base64 without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def signed(claims: Any, header: Any = None, key: str | None = None) -> str:
    """Return a token with these claims, correctly signed for the key and the header's ``alg``."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    if header.get("alg") not in HASHES:
        return f"{text}."
    secret = (settings.SECRET_KEY if key is None else key).encode()
    return f"{text}.{part(hmac.new(secret, text.encode(), HASHES[header['alg']]).digest())}"


def me(api: Api, authorization: str) -> HttpResponse:
    """Return the response of ``/api/users/me`` with a header."""
    return api.client.get("/api/users/me", headers={"Authorization": authorization})


def assert_refused(reply: HttpResponse, why: str = "expired|revoked|malformed") -> None:
    """A 401 with the challenge and the reason, and the sentence for tokens that are not valid."""
    assert reply.status_code == 401
    assert reply.json() == {"detail": "Could not validate credentials"}
    assert re.fullmatch(f'Bearer error="invalid_token", error_description="({why})"', reply["WWW-Authenticate"])


def test_a_token_that_was_good_a_moment_ago(api: Api, claims: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Verified tokens are cached, but not beyond their expiry."""
    authorization = f"Bearer {signed(claims)}"
    assert me(api, authorization).status_code == 200
    monkeypatch.setattr("users.tokens.time", lambda: claims["exp"] - 1)
    assert me(api, authorization).status_code == 200
    monkeypatch.setattr("users.tokens.time", lambda: claims["exp"])
    assert_refused(me(api, authorization), "expired")


@pytest.fixture
def claims(agent: User) -> dict[str, Any]:
    """Return the claims of a valid token of ``agent``."""
    return claims_of(access_token(agent))


def test_a_token_signed_here_works(anonymous: Api, agent: User, claims: dict[str, Any]) -> None:
    """Valid tokens are accepted; otherwise the tests below would prove nothing."""
    reply = me(anonymous, f"Bearer {signed(claims)}")
    assert reply.status_code == 200
    assert reply.json()["id"] == agent.pk


def test_what_a_token_says(agent: User, claims: dict[str, Any]) -> None:
    assert claims["sub"] == str(agent.pk)
    assert claims["token_version"] == 1
    assert claims["exp"] - claims["iat"] == settings.ACCESS_TOKEN_EXPIRE_MINUTES * 60
    assert agent.username not in claims.values()


def test_the_scheme_is_matched_in_any_case(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer "]:
        with case(scheme):
            assert me(anonymous, f"{scheme} {signed(claims)}").status_code == 200


def test_another_scheme_is_no_token(anonymous: Api, case: Case) -> None:
    for header in ["Basic YTpi", "Token abc", "bearer-token abc", "", "Bear er"]:
        with case(header):
            reply = me(anonymous, header)
            assert reply.status_code == 401
            assert reply.json() == {"detail": "Not authenticated"}
            assert reply["WWW-Authenticate"] == "Bearer"


def test_rubbish_is_refused(anonymous: Api, case: Case) -> None:
    for raw in [
        "",
        "x",
        "a.b.c",
        "...",
        ".",
        "null",
        "e30.e30.e30",
        "a b c",
        "é.é.é",
        "\x00",
        "A" * 20_000,
        "[object Object]",
    ]:
        with case(raw):
            assert_refused(me(anonymous, f"Bearer {raw}"), "malformed")


def test_a_changed_signature_is_refused(anonymous: Api, claims: dict[str, Any]) -> None:
    head, payload, signature = signed(claims).split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    forged = part(json.dumps(claims | {"sub": "1"}).encode() + b" ")
    for token in (
        f"{head}.{payload}.{flipped}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{forged}.{signature}",
    ):
        assert_refused(me(anonymous, f"Bearer {token}"), "malformed")


def test_another_key_is_refused(anonymous: Api, claims: dict[str, Any]) -> None:
    assert_refused(me(anonymous, f"Bearer {signed(claims, key='another key that is quite long enough for it')}"))
    assert_refused(me(anonymous, f"Bearer {signed(claims, key='')}"))


def test_another_algorithm_or_an_odd_header_is_refused(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for header in [
        {"alg": "none"},
        {"alg": "NONE", "typ": "JWT"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "hs256"},
        {"alg": ""},
        {"alg": None},
        {"alg": 256},
        {"typ": "JWT"},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "kid": 1},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
    ]:
        with case(header):
            assert_refused(me(anonymous, f"Bearer {signed(claims, header)}"))


def test_an_odd_subject_is_refused(anonymous: Api, case: Case) -> None:
    for sub in [
        "abc",
        "",
        " ",
        "0",
        "-1",
        "+1",
        "1.0",
        "1e0",
        "01",
        "0x1",
        "1 ",
        " 1",
        "1\n",
        "١",
        "１",
        "²",
        "9" * 23,
        str(2**63),
        "1\x00",
        1,
        1.0,
        True,
        None,
        [],
        ["1"],
        {"id": "1"},
        "9223372036854775807",
    ]:
        with case(sub):
            claims = claims_of(access_token(make_user(id=1)))
            assert me(anonymous, f"Bearer {signed(claims | {'sub': '1'})}").status_code == 200
            assert_refused(me(anonymous, f"Bearer {signed(claims | {'sub': sub})}"))


def test_an_odd_token_version_is_refused(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for version in [0, 2, -1, "1", "", 1.0, 1.5, True, None, [], [1], {}, 2**31, 2**63, 10**30, float("nan")]:
        with case(version):
            assert_refused(me(anonymous, f"Bearer {signed(claims | {'token_version': version})}"))


def test_an_odd_or_unknown_family_is_refused(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for family in ["", "x", "0" * 32, "0" * 31, "A" * 32, "٠" * 32, "0" * 32 + "\n", 1, None, [], {}, True]:
        with case(family):
            assert_refused(me(anonymous, f"Bearer {signed(claims | {'family': family})}"))


@pytest.mark.parametrize("offset", [-1, -3600, -(10**9)])
def test_an_expired_token_is_refused(anonymous: Api, claims: dict[str, Any], offset: int) -> None:
    assert_refused(me(anonymous, f"Bearer {signed(claims | {'exp': int(time.time()) + offset})}"), "expired")


def test_an_odd_expiry_is_refused(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for exp in [
        10**30,
        -(10**30),
        0,
        -1,
        float("inf"),
        float("nan"),
        "",
        "soon",
        None,
        True,
        [],
        {},
        "9" * 5000,
        10**18,
    ]:
        with case(exp):
            assert_refused(me(anonymous, f"Bearer {signed(claims | {'exp': exp})}"))


def test_a_token_that_is_not_yet_good_is_refused(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for value, claim in product(["soon", "future", 10**30, float("inf")], ["nbf", "iat"]):
        with case(value, claim):
            value = int(time.time()) + 3600 if value == "future" else value
            assert_refused(me(anonymous, f"Bearer {signed(claims | {claim: value})}"))


def test_a_missing_claim_is_refused(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for claim in ["sub", "exp", "iat", "token_version", "token_type", "jti"]:
        with case(claim):
            others = {name: value for name, value in claims.items() if name != claim}
            assert_refused(me(anonymous, f"Bearer {signed(others)}"))


def test_another_kind_of_token_is_refused(anonymous: Api, claims: dict[str, Any]) -> None:
    assert_refused(me(anonymous, f"Bearer {signed(claims | {'token_type': 'refresh'})}"))


def test_claims_that_are_no_object_are_refused(anonymous: Api, case: Case) -> None:
    for payload in [[], "text", 1, None, {}, [[]]]:
        with case(payload):
            assert_refused(me(anonymous, f"Bearer {signed(payload)}"))


def test_a_deeply_nested_token_is_refused(anonymous: Api) -> None:
    header = part(b'{"alg":"HS256","x":' + b"[" * 5000 + b"]" * 5000 + b"}")
    assert_refused(me(anonymous, f"Bearer {header}.e30.e30"))


def test_a_token_speaks_in_the_header_alone(anonymous: Api, agent: User) -> None:
    token = access_token(agent)
    anonymous.client.cookies["access_token"] = token
    assert anonymous.get("/api/users/me", access_token=token, token=token).status_code == 401


def test_a_user_who_does_not_exist_is_refused(anonymous: Api, agent: User, claims: dict[str, Any]) -> None:
    assert_refused(me(anonymous, f"Bearer {signed(claims | {'sub': str(agent.pk + 1000)})}"), "revoked")


def test_deactivation_ends_a_token_and_activation_does_not_bring_it_back(anonymous: Api, agent: User) -> None:
    token = access_token(agent)
    agent.is_active = False
    agent.save()
    assert_refused(me(anonymous, f"Bearer {token}"), "revoked")
    agent.is_active = True
    agent.save()
    assert_refused(me(anonymous, f"Bearer {token}"), "revoked")
    assert me(anonymous, f"Bearer {access_token(agent)}").status_code == 200


def test_deactivation_of_one_column_ends_a_token_too(anonymous: Api, agent: User) -> None:
    token = access_token(agent)
    for active in (False, True):
        agent.is_active = active
        agent.save(update_fields=["is_active"])
        assert_refused(me(anonymous, f"Bearer {token}"))


@pytest.mark.parametrize("update_fields", [None, ["password"]])
def test_a_password_change_ends_all_tokens(anonymous: Api, agent: User, update_fields: list[str] | None) -> None:
    tokens = [access_token(agent), access_token(agent)]
    agent.set_password("another password")
    agent.save(update_fields=update_fields)
    for token in tokens:
        assert_refused(me(anonymous, f"Bearer {token}"), "revoked")
    reply = anonymous.post("/api/users/login", {"username": agent.username, "password": "another password"})
    assert me(anonymous, f"Bearer {reply.json()['access_token']}").status_code == 200


def test_a_change_of_name_ends_no_token(api: Api, agent: User) -> None:
    agent.first_name = "Other"
    agent.save()
    assert api.get("/api/users/me").json()["first_name"] == "Other"


def test_another_login_ends_no_token(api: Api, anonymous: Api, agent: User) -> None:
    anonymous.post("/api/users/login", {"username": agent.username, "password": PASSWORD})
    assert api.get("/api/users/me").status_code == 200


def test_one_users_password_change_leaves_the_others_alone(api: Api) -> None:
    other = make_user()
    other.set_password("another password")
    other.save()
    assert api.get("/api/users/me").status_code == 200
