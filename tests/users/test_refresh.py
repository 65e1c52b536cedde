"""POST /api/users/token/refresh, and logins that request a refresh token."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F
from django.http import HttpResponse
from django.test import Client

from tests.assertions import refused
from tests.concurrency import together
from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from users.models import RefreshToken, User

pytestmark = pytest.mark.django_db

PATH = "/api/users/token/refresh"
PAIR = ["access_token", "token_type", "expires_in", "refresh_token"]

Pair = dict[str, Any]


@pytest.fixture(autouse=True)
def zoe() -> User:
    """Return the user who logs in."""
    return make_user(username="Zoë")


def start(scope: str = "offline_access") -> Pair:
    """Return the tokens of a login with a refresh token."""
    reply = Api({}).post("/api/users/login", {"username": "Zoë", "password": PASSWORD, "scope": scope})
    assert reply.status_code == 200
    return reply.json()


def renew(pair: Pair) -> HttpResponse:
    """Return the response to the pair's refresh token."""
    return Api({}).post(PATH, {"refresh_token": pair["refresh_token"]})


def renewed(pair: Pair) -> Pair:
    """Return the next pair of tokens."""
    reply = renew(pair)
    assert reply.status_code == 200, reply.content
    return reply.json()


def me(pair: Pair) -> int:
    """Return the status of a request with the access token."""
    return Client(headers={"Authorization": f"Bearer {pair['access_token']}"}).get("/api/users/me").status_code


def assert_refused(reply: HttpResponse, why: str = "expired|revoked|malformed") -> None:
    """A 401 with the challenge and the reason, and the sentence for tokens that are not valid."""
    assert reply.status_code == 401
    assert reply.json() == {"detail": "Could not validate credentials"}
    assert re.fullmatch(f'Bearer error="invalid_token", error_description="({why})"', reply["WWW-Authenticate"])


def later(**passed: float) -> None:
    """Make every family older by that much."""
    gone = timedelta(**passed)
    RefreshToken.objects.update(rotated_at=F("rotated_at") - gone, expires_at=F("expires_at") - gone)


def test_it_works() -> None:
    first = start()
    assert list(first) == PAIR
    second = renewed(first)
    assert list(second) == PAIR
    assert second["token_type"] == "bearer"
    assert second["expires_in"] == 1440 * 60
    assert second["refresh_token"] != first["refresh_token"]
    assert [me(first), me(second)] == [200, 200]


def test_the_form_takes_the_scope_too() -> None:
    form = {"username": "Zoë", "password": PASSWORD, "scope": "leads offline_access"}
    assert list(Client().post("/api/users/token", form).json()) == PAIR


def test_without_the_scope_the_reply_has_its_two_keys(case: Case) -> None:
    for scope in ["", "leads", "offline_accessx", "OFFLINE_ACCESS", None, 1, [], ["offline_access"], {}]:
        with case(scope):
            assert list(start(scope)) == ["access_token", "token_type"]
            assert not RefreshToken.objects.exists()


def test_oauth2_clients_renew_with_a_form() -> None:
    form = {"grant_type": "refresh_token", "refresh_token": start()["refresh_token"], "client_id": "desk"}
    reply = Client(headers={"Authorization": "Basic ZGVzazo="}).post(
        PATH, "&".join(f"{name}={value}" for name, value in form.items()), "application/x-www-form-urlencoded"
    )
    assert reply.status_code == 200
    assert list(reply.json()) == PAIR


def test_a_chain_goes_on() -> None:
    pair = start()
    for _ in range(5):
        pair = renewed(pair)
        later(days=20)  # each renewal is good for thirty
    assert me(pair) == 200
    assert RefreshToken.objects.count() == 1


def test_a_token_used_again_at_once_has_the_same_successor() -> None:
    first = start()
    successors = {renewed(first)["refresh_token"] for _ in range(3)}
    assert len(successors) == 1
    assert renew({"refresh_token": successors.pop()}).status_code == 200


def test_tabs_that_renew_together_stay_logged_in(concurrent_db: None) -> None:
    first = start()
    pairs = together(*(partial(renewed, first) for _ in range(6)))
    assert len({pair["refresh_token"] for pair in pairs}) == 1
    assert [me(pair) for pair in pairs] == [200] * 6
    assert renew(pairs[0]).status_code == 200


def test_a_copy_used_later_ends_the_family() -> None:
    first = start()
    second = renewed(first)
    later(seconds=11)
    assert_refused(renew(first), "revoked")
    assert_refused(renew(second), "revoked")
    assert [me(first), me(second)] == [401, 401]


def test_a_token_from_further_back_ends_the_family_at_once() -> None:
    first = start()
    second = renewed(first)
    third = renewed(second)
    assert_refused(renew(first))
    assert_refused(renew(third))
    assert me(third) == 401


def test_another_log_in_of_the_same_user_is_another_family() -> None:
    first, other = start(), start()
    renewed(first)
    later(minutes=1)
    assert_refused(renew(first))
    assert me(other) == 200
    assert renew(other).status_code == 200


def test_a_renewal_is_good_for_thirty_days() -> None:
    pair = start()
    later(days=29, hours=23)
    pair = renewed(pair)
    later(days=30)
    assert_refused(renew(pair), "expired")


def change_password(user: User) -> None:
    user.set_password("another password")
    user.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()
    user.is_active = True
    user.save()


ENDS: list[Callable[[User], Any]] = [change_password, deactivate, User.objects.revoke_tokens, User.delete]


@pytest.mark.parametrize("end", ENDS)
def test_none_survives_its_user_s(zoe: User, end: Callable[[User], Any]) -> None:
    pair = renewed(start())
    end(zoe)
    assert_refused(renew(pair))
    assert me(pair) == 401


def forged(pair: Pair) -> list[str]:
    """Unknown refresh tokens, and an access token."""
    family, _, secret = pair["refresh_token"].partition(".")
    others = ["", ".", "x", family, f"{'0' * 32}.{secret}", f".{secret}", "é" * 40, "a" * 100_000, "١" * 32 + ".x"]
    return [*others, pair["access_token"], f"{pair['refresh_token']} ", f"{family}.{secret}x"]


def test_what_is_no_refresh_token_is_malformed() -> None:
    for token in ("", "x", "é" * 40, start()["access_token"]):
        assert_refused(renew({"refresh_token": token}), "malformed")


def test_forged_tokens_are_refused() -> None:
    for token in forged(start()):
        assert_refused(renew({"refresh_token": token}))


def test_another_kind_of_value_is_a_422(case: Case) -> None:
    for value in [1, None, [], {}, True, ["secret-token"], {"a": "secret-token"}]:
        with case(value):
            assert refused(Api({}).post(PATH, {"refresh_token": value})) == [("string_type", ["body", "refresh_token"])]


def test_what_was_sent_is_not_repeated() -> None:
    for body in ({"refresh_tokn": "secret-token"}, {"refresh_token": "secret-token\0"}, ["secret-token"]):
        reply = Api({}).post(PATH, body)
        assert reply.status_code == 422
        assert b"secret-token" not in reply.content


def test_a_refresh_token_is_no_access_token() -> None:
    assert me({"access_token": start()["refresh_token"]}) == 401


def test_the_table_holds_no_token() -> None:
    first = start()
    second = renewed(first)
    row = str(RefreshToken.objects.values().get())
    for pair in (first, second):
        assert pair["refresh_token"].partition(".")[2] not in row


def test_beyond_fifty_families_the_longest_unused_ends_with_its_access_tokens(zoe: User) -> None:
    other = RefreshToken.objects.start(make_user(username="other"))
    first, second = start(), start()
    later(days=1)
    first = renewed(first)  # in use, unlike the second
    for _ in range(48):
        RefreshToken.objects.start(zoe)
    assert [me(first), me(second)] == [200, 200]
    newest = start()
    assert [me(first), me(second), me(newest)] == [200, 401, 200]
    assert_refused(renew(second))
    assert renew(first).status_code == 200
    assert RefreshToken.objects.filter(user=zoe).count() == 50
    assert RefreshToken.objects.filter(pk=other.family).exists()
