"""A new SECRET_KEY logs nobody out while the old one is among SECRET_KEY_FALLBACKS."""

import http.cookies
import subprocess
import sys
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from tests.conftest import Api, Case
from tests.live import PROJECT, LiveServer, environment, serving, settings_of
from tests.users.test_tokens import assert_refused, claims_of, me, signed
from users.models import User
from users.tokens import access_token

OLD = "the-old-key-Zk3vB8qLr1TnWxY6uHs0PdAeJm9CfGi2"
OLDER = "an-older-key-8qLr1TnWxY6uHs0PdAeJm9CfGi2Zk3vB"
NEW = "the-new-key-9CfGi2Zk3vB8qLr1TnWxY6uHs0PdAeJm"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def claims(agent: User) -> dict[str, Any]:
    """Return the claims of a valid token of ``agent``."""
    return claims_of(access_token(agent))


def test_old_keys_verify(anonymous: Api, claims: dict[str, Any]) -> None:
    with override_settings(SECRET_KEY_FALLBACKS=[OLDER, OLD]):
        for key in (None, OLD, OLDER):
            assert me(anonymous, f"Bearer {signed(claims, key=key)}").status_code == 200
        assert_refused(me(anonymous, f"Bearer {signed(claims, key='nobody knows this one')}"))
    assert_refused(me(anonymous, f"Bearer {signed(claims, key=OLD)}"))


def test_old_keys_are_no_softer(anonymous: Api, claims: dict[str, Any], case: Case) -> None:
    for change in [
        {"exp": 1},
        {"sub": "١"},
        {"sub": "0"},
        {"token_version": 2},
        {"token_type": "refresh"},
        {"exp": 10**30},
    ]:
        with case(change), override_settings(SECRET_KEY_FALLBACKS=[OLD]):
            assert_refused(me(anonymous, f"Bearer {signed(claims | change, key=OLD)}"))
            assert_refused(me(anonymous, f"Bearer {signed(claims, {'alg': 'none'}, key=OLD)}"))
            assert_refused(me(anonymous, f"Bearer {signed(claims, {'alg': 'HS512'}, key=OLD)}"))


def test_a_token_of_an_old_key_expires(anonymous: Api, claims: dict[str, Any]) -> None:
    with override_settings(SECRET_KEY_FALLBACKS=[OLDER, OLD]):
        assert_refused(me(anonymous, f"Bearer {signed(claims | {'exp': 1}, key=OLD)}"), "expired")


def test_the_new_key_signs(anonymous: Api, agent: User, claims: dict[str, Any]) -> None:
    with override_settings(SECRET_KEY_FALLBACKS=[OLD]):
        fresh = access_token(agent)
    assert me(anonymous, f"Bearer {fresh}").status_code == 200


def staff(server: LiveServer) -> None:
    """Create a staff user with the name boss."""
    given = {"DJANGO_SUPERUSER_USERNAME": "boss", "DJANGO_SUPERUSER_PASSWORD": "pass123456"}
    subprocess.run(
        [sys.executable, "manage.py", "createsuperuser", "--no-input", "--email", ""],
        cwd=PROJECT,
        env=environment(DATABASE_URL=server.database_url, **given),
        capture_output=True,
        check=True,
    )


def admin_session(server: LiveServer) -> str:
    """Return the cookie of a login to the back office."""
    page = server.send("GET", "/admin/login/")
    csrf = http.cookies.SimpleCookie(page.headers["set-cookie"])["csrftoken"].value
    form = {"username": "boss", "password": "pass123456", "csrfmiddlewaretoken": csrf}
    headers = {**FORM, "Cookie": f"csrftoken={csrf}"}
    reply = server.send("POST", "/admin/login/?next=/admin/", urlencode(form), headers)
    assert reply.status == 302
    return http.cookies.SimpleCookie(reply.headers["set-cookie"])["sessionid"].value


@pytest.mark.slow
@pytest.mark.any_database
def test_a_server_with_a_new_key_knows_the_old_tokens_and_sessions() -> None:
    with serving(SECRET_KEY=OLD) as before:
        staff(before)
        boss = {"username": "boss", "password": "pass123456", "scope": "offline_access"}
        pair = before.send("POST", "/api/users/login", boss).json()
        token = {"Authorization": f"Bearer {pair['access_token']}"}
        session = {"Cookie": f"sessionid={admin_session(before)}"}
        with serving(SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=f"an-{OLD}, {OLD}", DATABASE_URL=before.database_url) as new:
            assert new.send("GET", "/api/users/me", headers=token).status == 200
            assert new.send("GET", "/admin/", headers=session).status == 200
            renewal = {"refresh_token": pair["refresh_token"]}
            assert new.send("POST", "/api/users/token/refresh", renewal).status == 200
        with serving(SECRET_KEY=NEW, DATABASE_URL=before.database_url) as forgetful:
            assert forgetful.send("GET", "/api/users/me", headers=token).status == 401
            assert forgetful.send("GET", "/admin/", headers=session).status == 302


@pytest.mark.parametrize(
    "variables",
    [
        {"SECRET_KEY": "change-me"},
        {"SECRET_KEY_FALLBACKS": "change-me"},
        {"SECRET_KEY_FALLBACKS": f"{OLD},{'a' * 64}"},
    ],
)
def test_a_weak_key_of_either_kind_stops_a_start_that_others_can_reach(variables: dict[str, str]) -> None:
    with pytest.raises(ImproperlyConfigured, match=f'"{list(variables)[-1]}" invalid') as refused:
        settings_of(HOST="0.0.0.0", **variables)
    assert not any(value in str(refused.value) for value in variables.values())
    assert settings_of(HOST="127.0.0.1", **variables)["WEAK_KEYS"]


def test_strong_ones_do_not() -> None:
    settings = settings_of(HOST="0.0.0.0", SECRET_KEY_FALLBACKS=f"{OLD}, {NEW},")
    assert (settings["SECRET_KEY_FALLBACKS"], settings["WEAK_KEYS"]) == ([OLD, NEW], [])


@pytest.mark.parametrize("value", ["proxy.example.com", "10.0.0.0/33", "10.0.0.7/8", "1.2.3", "10.0.0.1;10.0.0.2", "*"])
def test_a_proxy_that_is_no_address_stops_the_start(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match='"TRUSTED_PROXIES" invalid'):
        settings_of(TRUSTED_PROXIES=value)


def test_sessions_of_the_admin_end_with_the_password(client: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(is_staff=True)
    client.force_login(User.objects.get(pk=agent.pk))
    assert client.get("/admin/").status_code == 200
    assert User.objects.change_password(User.objects.get(pk=agent.pk), "another password")
    assert client.get("/admin/").status_code == 302
