"""The second step of the login."""

import pytest
from django.test import Client

from tests.admin.second_factors import (
    CODE,
    LOGIN,
    TOTPDevice,
    after_password,
    code_for,
    code_of,
    code_passes,
    delays_pass,
    give,
    is_in,
    with_second_factor,
    wrong_code,
)
from tests.conftest import Case
from tests.factories import PASSWORD, bearer, make_user
from tests.users.trying import ELSEWHERE, HERE, admin, later, log_in, statuses
from users import second_factor
from users.audit import AccountEvent
from users.models import LoginFailure, User
from users.sessions import UserSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    """Return a superuser with a second factor."""
    user = make_user(username="Boss", is_staff=True, is_superuser=True)
    with_second_factor(user)
    return user


def test_password_and_code_log_in(user: User) -> None:
    client = after_password(user, after="/admin/leads/lead/")
    page = client.get(CODE)
    assert 'autocomplete="one-time-code"' in page.content.decode()
    reply = give(client, code_of(user), "/admin/leads/lead/")
    assert (reply.status_code, reply["Location"]) == (302, "/admin/leads/lead/")
    assert is_in(client)


def test_the_password_alone_does_not_log_in(user: User) -> None:
    client = after_password(user)
    assert "_auth_user_id" not in client.session
    reply = client.get("/admin/leads/lead/")
    assert reply["Location"] == "/admin/login/?next=/admin/leads/lead/"
    user.refresh_from_db()
    assert user.last_login is None


def test_spaces_in_a_code_are_ignored(user: User) -> None:
    code = code_of(user)
    assert give(after_password(user), f" {code[:3]} {code[3:]} ").status_code == 302


def test_each_step_changes_the_session_key(user: User) -> None:
    client = Client()
    client.get("/admin/login/")
    keys = [client.session.session_key]
    client.post(LOGIN, {"username": "Boss", "password": PASSWORD})
    keys.append(client.session.session_key)
    give(client, code_of(user))
    keys.append(client.session.session_key)
    assert len(set(keys)) == 3
    assert list(UserSession.objects.values_list("session_key", flat=True)) == keys[2:]


def test_the_first_step_ends_the_session_of_another_user(user: User) -> None:
    client = Client()
    client.force_login(make_user(is_staff=True))
    client.post(LOGIN, {"username": "Boss", "password": PASSWORD})
    assert not is_in(client)


def test_a_wrong_code_is_counted(user: User) -> None:
    client = after_password(user)
    reply = give(client, wrong_code(user))
    assert reply.status_code == 200
    assert "Wrong or already used code." in reply.content.decode()
    assert LoginFailure.objects.count() == 1
    assert not is_in(client)


def test_text_that_is_not_a_code_is_counted(user: User, case: Case) -> None:
    for code in ["12345", "1234567", "abcdef", "١٢٣٤٥٦", "abcd-efgh-ijkl", "' OR 1=1 --", "-1", "1e5"]:
        with case(code):
            assert give(after_password(user), code).status_code == 200
            assert LoginFailure.objects.count() == 1


@pytest.mark.parametrize("code", ["", "1" * 41, "12\x00345"])
def test_an_invalid_field_is_not_counted(user: User, code: str) -> None:
    assert give(after_password(user), code).status_code == 200
    assert not LoginFailure.objects.exists()


def test_a_code_is_accepted_once(user: User) -> None:
    code = code_of(user)
    assert give(after_password(user), code).status_code == 302
    second = after_password(user)
    assert give(second, code).status_code == 200
    assert not is_in(second)


def test_wrong_codes_and_wrong_passwords_are_counted_together(user: User) -> None:
    client = after_password(user)
    for _ in range(3):
        assert give(client, wrong_code(user)).status_code == 200
        delays_pass()
    assert statuses(admin("boss"), admin("boss")) == [200, 200]
    reply = give(client, code_of(user))
    assert reply.status_code == 429
    assert 890 <= int(reply["Retry-After"]) <= 900
    assert "Too many failed attempts. Try again in 15 minutes." in reply.content.decode()
    assert statuses(admin("Boss", PASSWORD), log_in("Boss", PASSWORD)) == [429, 429]
    later(minutes=15)
    assert give(client, code_of(user)).status_code == 302


def test_the_password_alone_deletes_no_failures(user: User) -> None:
    for _ in range(4):
        give(after_password(user), wrong_code(user))
        delays_pass()
    client = after_password(user)
    assert LoginFailure.objects.count() == 4
    assert give(client, code_of(user)).status_code == 302
    assert not LoginFailure.objects.exists()


def test_a_login_to_the_api_deletes_no_failures(user: User) -> None:
    """Otherwise someone who knows the password could guess codes without limit."""
    for _ in range(4):
        give(after_password(user), wrong_code(user))
        delays_pass()
    body = {"username": user.username, "password": PASSWORD}
    login = Client(REMOTE_ADDR=HERE).post("/api/users/login", body, content_type="application/json")
    assert login.status_code == 200
    assert LoginFailure.objects.count() == 4


def test_guesses_from_many_addresses_are_delayed(user: User) -> None:
    """Our limits are per user name and IP address; those of django-otp are per device."""
    assert give(after_password(user), wrong_code(user)).status_code == 200
    assert TOTPDevice.objects.get(user=user).throttling_failure_count == 1
    TOTPDevice.objects.update(throttling_failure_count=12)  # eleven more from other addresses
    reply = give(after_password(user, ELSEWHERE), code_of(user))
    assert reply.status_code == 429
    assert 2000 < int(reply["Retry-After"]) <= 2048
    assert "Too many failed attempts. Try again in 35 minutes." in reply.content.decode()
    assert LoginFailure.objects.count() == 1
    delays_pass()
    assert give(after_password(user, ELSEWHERE), code_of(user)).status_code == 302


def test_unlocking_a_user_ends_the_delays_too(user: User) -> None:
    manager = Client()
    manager.force_login(make_user(is_staff=True, is_superuser=True))
    client = after_password(user)
    for _ in range(5):
        give(client, wrong_code(user))
        delays_pass()
    give(client, wrong_code(user))
    manager.post("/admin/users/user/", {"action": "unlock", "confirmed": "1", "_selected_action": [user.pk]})
    assert give(client, code_of(user)).status_code == 302


def test_ending_the_delays_alone_is_logged(user: User) -> None:
    manager = Client()
    manager.force_login(make_user(is_staff=True, is_superuser=True))
    give(after_password(user), wrong_code(user))
    LoginFailure.objects.all().delete()
    for _ in range(2):  # the second time there are no delays
        manager.post("/admin/users/user/", {"action": "unlock", "confirmed": "1", "_selected_action": [user.pk]})
    assert AccountEvent.objects.filter(action="unlocked", target_user=user).count() == 1


def test_a_recovery_code_logs_in_once(user: User) -> None:
    code, other = with_second_factor(user)[:2]
    client = after_password(user)
    assert "Enter one of your recovery codes." in client.get(f"{CODE}?recovery=1").content.decode()
    assert give(client, code.upper()).status_code == 302
    assert "You logged in with a recovery code; 9 left." in client.get("/admin/").content.decode()
    entry = AccountEvent.objects.get(action="recovery_code_used")
    assert (entry.actor_id, entry.changes) == (user.pk, {"recovery_codes_left": [10, 9]})
    again = after_password(user)
    assert give(again, code).status_code == 200
    delays_pass()
    assert give(again, other.replace("-", "")).status_code == 302


def test_codes_of_other_users_are_wrong(user: User) -> None:
    other = make_user(is_staff=True)
    recovery = with_second_factor(other)[0]
    client = after_password(user)
    assert give(client, recovery).status_code == 200
    if code_of(other) != code_of(user):
        delays_pass()
        assert give(client, code_of(other)).status_code == 200


def test_the_time_between_the_steps_is_limited(user: User) -> None:
    client = after_password(user)
    session = client.session
    session["second_factor_pending"] = {**session["second_factor_pending"], "at": 0}
    session.save()
    assert give(client, code_of(user))["Location"] == f"{LOGIN}?next=%2Fadmin%2F"
    assert not is_in(client)


@pytest.mark.parametrize("change", ["password", "deactivated", "demoted", "everywhere"])
def test_events_that_end_sessions_end_the_first_step(user: User, change: str) -> None:
    client, code = after_password(user), code_of(user)
    if change == "password":
        user.set_password("another password")
    user.is_active, user.is_staff = change != "deactivated", change != "demoted"
    user.save()
    if change == "everywhere":
        User.objects.revoke_tokens(user)
    assert give(client, code)["Location"].startswith(LOGIN)
    assert not is_in(client)


def test_the_code_page_without_the_first_step_redirects_to_the_login(user: User) -> None:
    assert Client().get(CODE)["Location"].startswith(LOGIN)
    assert give(Client(), code_of(user))["Location"].startswith(LOGIN)


def test_only_pages_of_this_site_are_next_pages(user: User, case: Case) -> None:
    for after, target in [
        ("/admin/users/user/%3Fq%3Da", "/admin/users/user/?q=a"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("", "/admin/"),
    ]:
        with case(after, target):
            client = Client()
            first = client.post(f"{LOGIN}?next={after}", {"username": "Boss", "password": PASSWORD})
            assert "evil" not in first["Location"]
            assert give(client, code_of(user), after)["Location"] == target
            code_passes(user)
            assert client.post(first["Location"], {"code": code_of(user)}).status_code == 302


def test_the_csrf_token_is_required(user: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(CODE, {"code": code_of(user)}).status_code == 403


def test_the_api_needs_no_code(user: User) -> None:
    assert log_in("Boss", PASSWORD).status_code == 200
    assert Client().get("/api/users/me", headers=bearer(user)).status_code == 200


def test_users_without_second_factor() -> None:
    make_user(username="plain", is_staff=True)
    assert admin("plain", PASSWORD)["Location"] == "/admin/"


def test_the_clock_of_the_phone_may_be_half_a_minute_fast(user: User) -> None:
    device = TOTPDevice.objects.get(user=user)
    assert second_factor.verify(user, code_for(device.key, drift=1)) is not None
