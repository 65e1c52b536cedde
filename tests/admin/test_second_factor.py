"""The pages on which users set up their second factor, and superusers reset that of others."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.admin.people import browser_of
from tests.admin.second_factors import (
    OWN,
    SET_UP,
    after_password,
    code_for,
    code_of,
    code_passes,
    give,
    is_in,
    recovery_codes_on,
    secret_on,
    with_second_factor,
)
from tests.factories import PASSWORD, make_user
from tests.users.trying import later, statuses
from users.audit import AccountEvent
from users.models import LoginFailure, User
from users.sessions import UserSession

pytestmark = pytest.mark.django_db

CODES, OFF = f"{OWN}recovery-codes/", f"{OWN}turn-off/"


@pytest.fixture
def user() -> User:
    """Return a user with access."""
    return make_user(username="maria", is_staff=True)


@pytest.fixture
def client(user: User) -> Client:
    """Return the client of ``user``."""
    client = Client()
    client.force_login(user)
    return client


def set_up(client: Client, **more: str) -> HttpResponse:
    """Set up the second factor; return the page with the recovery codes."""
    secret = secret_on(client.get(SET_UP))
    return client.post(SET_UP, {"code": code_for(secret), "password": PASSWORD, **more})


def actions() -> list[str]:
    """Return the actions in the audit log of accounts, oldest first."""
    return [entry.action for entry in AccountEvent.objects.order_by("pk")]


def test_the_user_menu(client: Client) -> None:
    assert f'href="{OWN}"' in client.get("/admin/").content.decode()
    assert SET_UP in client.get(OWN).content.decode()


def test_setting_up(client: Client, user: User) -> None:
    key = client.session.session_key
    page = client.get(SET_UP).content.decode()
    assert re.search(r'role="img"[^>]*>\s*<svg [^>]*viewBox', page)
    assert "<script>" not in page
    done = set_up(client)
    codes = recovery_codes_on(done)
    assert len(set(codes)) == 10
    assert "They are shown only once." in done.content.decode()
    assert codes[0] in re.findall(r'href="data:text/plain[^"]*"', done.content.decode())[0]
    assert is_in(client)
    assert client.session.session_key != key
    assert actions() == ["second_factor_enabled"]
    html = client.get(OWN).content.decode()
    assert "Your second factor is on" in html
    assert "Unused recovery codes: <strong>10</strong>" in html
    assert not any(code in html for code in codes)
    code_passes(user)
    assert give(after_password(user), code_of(user)).status_code == 302


def test_the_secret_is_not_shown_again(client: Client, user: User) -> None:
    set_up(client)
    secret = TOTPDevice.objects.get(user=user).key
    assert secret_on(client.get(SET_UP)) != secret
    stored = [session.get_decoded() for session in UserSession.objects.all()]
    assert len(stored) == 1
    assert secret not in str(stored)


def test_the_secret_does_not_change_until_it_is_confirmed(client: Client) -> None:
    first = secret_on(client.get(SET_UP))
    assert secret_on(client.get(SET_UP)) == first
    assert secret_on(client.post(SET_UP, {"code": "1", "password": PASSWORD})) == first


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"code": "12345"}, "Wrong code."),
        ({"code": ""}, "This field is required."),
        ({"password": "wrong password"}, "Wrong password."),
        ({"password": ""}, "This field is required."),
    ],
)
def test_code_and_password_are_required(client: Client, user: User, fields: dict[str, str], error: str) -> None:
    page = set_up(client, **fields)
    assert error in page.content.decode()
    assert not TOTPDevice.objects.exists()
    assert actions() == []
    assert is_in(client)


def test_another_app_replaces_the_current_one(client: Client, user: User) -> None:
    old = recovery_codes_on(set_up(client))
    first = TOTPDevice.objects.get(user=user).key
    assert "The new app replaces the current one" in client.get(SET_UP).content.decode()
    assert len(recovery_codes_on(set_up(client))) == 10
    assert TOTPDevice.objects.get(user=user).key != first
    assert is_in(client)
    assert give(after_password(user), old[0]).status_code == 200


def test_other_sessions_end_when_the_app_is_replaced(client: Client, user: User) -> None:
    set_up(client)
    code_passes(user)
    other = after_password(user)
    give(other, code_of(user))
    assert is_in(other)
    set_up(client)
    assert not is_in(other)
    assert is_in(client)


def test_new_recovery_codes_replace_the_old_ones(client: Client, user: User) -> None:
    old = recovery_codes_on(set_up(client))
    assert "password" in client.get(CODES).content.decode()
    new = recovery_codes_on(client.post(CODES, {"password": PASSWORD}))
    assert len(new) == 10
    assert not set(new) & set(old)
    assert give(after_password(user), new[0]).status_code == 302
    assert give(after_password(user), old[1]).status_code == 200
    assert actions() == ["second_factor_enabled", "recovery_codes_made", "recovery_code_used"]


def test_recovery_codes_are_stored_as_digests(client: Client) -> None:
    codes = recovery_codes_on(set_up(client))
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert len(stored) == 10
    assert not stored & {code.replace("-", "")[:16] for code in codes}


def test_turning_off(client: Client, user: User) -> None:
    set_up(client)
    assert client.post(OFF, {"password": "wrong password"}).status_code == 200
    assert TOTPDevice.objects.exists()
    assert client.post(OFF, {"password": PASSWORD})["Location"] == OWN
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert is_in(client)
    assert actions() == ["second_factor_enabled", "second_factor_disabled"]
    fresh = Client()
    fresh.post("/admin/login/", {"username": "maria", "password": PASSWORD})
    assert is_in(fresh)


def test_a_required_second_factor_cannot_be_turned_off(client: Client, settings: Any) -> None:
    set_up(client)
    settings.REQUIRE_SECOND_FACTOR = "staff"
    assert OFF not in client.get(OWN).content.decode()
    assert client.post(OFF, {"password": PASSWORD})["Location"] == OWN
    assert TOTPDevice.objects.exists()


@pytest.mark.parametrize("page", [CODES, OFF])
def test_pages_that_need_a_second_factor(client: Client, page: str) -> None:
    assert client.post(page, {"password": PASSWORD})["Location"] == OWN


@pytest.mark.parametrize("page", [CODES, OFF, SET_UP])
def test_wrong_passwords_are_counted(client: Client, user: User, page: str) -> None:
    set_up(client)
    guesses = [client.post(page, {"password": "wrong password", "code": "1"}) for _ in range(5)]
    assert statuses(*guesses) == [200] * 5
    assert LoginFailure.objects.count() == 5
    reply = client.post(page, {"password": PASSWORD, "code": "1"})
    assert reply.status_code == 429
    assert 890 <= int(reply["Retry-After"]) <= 900
    later(minutes=15)
    assert client.post(page, {"password": PASSWORD, "code": "1"}).status_code in (200, 302)


def test_a_required_second_factor_is_set_up_after_the_login(user: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "staff"
    client = Client()
    login = {"username": "maria", "password": PASSWORD}
    page = client.post("/admin/login/?next=/admin/password_change/", login, follow=True)
    address = page.redirect_chain[-1][0]
    assert address == f"{SET_UP}?next=%2Fadmin%2Fpassword_change%2F"
    html = page.content.decode()
    assert "Your account requires a second factor" in html
    assert 'id="nav-sidebar"' not in html
    assert 'name="password"' not in html
    done = client.post(address, {"code": code_for(secret_on(page))})
    assert len(recovery_codes_on(done)) == 10
    assert 'href="/admin/password_change/"' in done.content.decode()
    assert is_in(client)


def test_a_forced_set_up_asks_for_the_password_again_later(user: User, settings: Any) -> None:
    """The session may be older than the requirement, and someone else may use it."""
    settings.REQUIRE_SECOND_FACTOR = "staff"
    client = Client()
    client.post("/admin/login/", {"username": "maria", "password": PASSWORD})
    session = client.session
    session["password_at"] = timezone.now().timestamp() - 16 * 60
    session.save()
    page = client.get(SET_UP)
    code = code_for(secret_on(page))
    assert 'name="password"' in page.content.decode()
    assert b"This field is required" in client.post(SET_UP, {"code": code}).content
    assert not is_in(client)
    assert recovery_codes_on(client.post(SET_UP, {"code": code, "password": PASSWORD}))
    assert is_in(client)


def test_a_required_password_change_comes_first(client: Client, user: User) -> None:
    User.objects.filter(pk=user.pk).update(must_change_password=True)
    reply = client.get(SET_UP)
    assert (reply.status_code, reply["Location"]) == (302, "/admin/password_change/")


def test_only_pages_of_this_site_are_next_pages(user: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "staff"
    client = Client()
    client.force_login(user)
    address = f"{SET_UP}?next=https://evil.example/"
    done = client.post(address, {"code": code_for(secret_on(client.get(address)))})
    assert "evil" not in done.content.decode().replace(address, "")
    assert 'href="/admin/"' in done.content.decode()


class TestReset:
    """``/admin/users/user/7/second-factor/``."""

    @pytest.fixture
    def page(self, user: User) -> str:
        """Return the page of ``user``, who has a second factor."""
        with_second_factor(user)
        return f"/admin/users/user/{user.pk}/second-factor/"

    def test_superusers(self, page: str, user: User) -> None:
        boss = browser_of("superuser")
        other = after_password(user)
        give(other, code_of(user))
        change = f"/admin/users/user/{user.pk}/change/"
        assert 'href="../second-factor/"' in boss.get(change).content.decode()
        assert "Second factor of maria" in boss.get(page).content.decode()
        assert TOTPDevice.objects.exists()
        assert boss.post(page)["Location"] == change
        assert not TOTPDevice.objects.exists()
        assert not StaticToken.objects.exists()
        assert not is_in(other)
        entry = AccountEvent.objects.get(action="second_factor_reset")
        assert (entry.target_user_id, entry.channel) == (user.pk, "admin")
        fresh = Client()
        fresh.post("/admin/login/", {"username": "maria", "password": PASSWORD})
        assert is_in(fresh)

    @pytest.mark.parametrize("kind", ["staff", "manager"])
    def test_others(self, page: str, kind: str) -> None:
        client = browser_of(kind)
        assert statuses(client.get(page), client.post(page)) == [403, 403]
        assert TOTPDevice.objects.exists()

    def test_the_own_second_factor_has_another_page(self) -> None:
        boss = browser_of("superuser")
        own = User.objects.get(is_superuser=True)
        assert boss.post(f"/admin/users/user/{own.pk}/second-factor/")["Location"] == OWN

    @pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 40])
    def test_unknown_users(self, number: str) -> None:
        assert browser_of("superuser").get(f"/admin/users/user/{number}/second-factor/").status_code == 404

    def test_a_user_without_second_factor(self, user: User) -> None:
        boss = browser_of("superuser")
        page = f"/admin/users/user/{user.pk}/second-factor/"
        assert "Reset second factor" not in boss.get(page).content.decode()
        assert boss.post(page).status_code == 302
        assert actions() == []


def test_the_pages_of_django_otp_are_not_registered() -> None:
    """They would show secrets."""
    boss = Client()
    boss.force_login(make_user(is_staff=True, is_superuser=True))
    for page in ("otp_totp/totpdevice/", "otp_static/staticdevice/"):
        assert boss.get(f"/admin/{page}").status_code == 404
