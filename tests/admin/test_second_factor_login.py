"""The second step of the back office's login: who has a second factor is logged in by password and code alone."""

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
from tests.factories import PASSWORD, bearer, make_user
from tests.users.trying import ELSEWHERE, HERE, admin, later, log_in, statuses
from users import second_factor
from users.audit import AccountEvent
from users.models import LoginFailure, User
from users.sessions import UserSession

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    """A superuser with a second factor."""
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


def test_the_password_alone_opens_nothing(user: User) -> None:
    client = after_password(user)
    assert "_auth_user_id" not in client.session
    reply = client.get("/admin/leads/lead/")
    assert reply["Location"] == "/admin/login/?next=/admin/leads/lead/"
    user.refresh_from_db()
    assert user.last_login is None


def test_spaces_in_a_code_are_ignored(user: User) -> None:
    code = code_of(user)
    assert give(after_password(user), f" {code[:3]} {code[3:]} ").status_code == 302


def test_each_step_gives_the_session_a_new_key(user: User) -> None:
    client = Client()
    client.get("/admin/login/")
    keys = [client.session.session_key]
    client.post(LOGIN, {"username": "Boss", "password": PASSWORD})
    keys.append(client.session.session_key)
    give(client, code_of(user))
    keys.append(client.session.session_key)
    assert len(set(keys)) == 3
    assert list(UserSession.objects.values_list("session_key", flat=True)) == keys[2:]


def test_somebody_elses_session_ends_at_the_first_step(user: User) -> None:
    client = Client()
    client.force_login(make_user(is_staff=True))
    client.post(LOGIN, {"username": "Boss", "password": PASSWORD})
    assert not is_in(client)


def test_a_wrong_code_says_so_and_counts(user: User) -> None:
    client = after_password(user)
    reply = give(client, wrong_code(user))
    assert reply.status_code == 200
    assert "That code is wrong, or it was used already." in reply.content.decode()
    assert LoginFailure.objects.count() == 1
    assert not is_in(client)


@pytest.mark.parametrize("code", ["12345", "1234567", "abcdef", "١٢٣٤٥٦", "abcd-efgh-ijkl", "' OR 1=1 --", "-1", "1e5"])
def test_text_that_is_no_code_counts_as_a_wrong_one(user: User, code: str) -> None:
    assert give(after_password(user), code).status_code == 200
    assert LoginFailure.objects.count() == 1


@pytest.mark.parametrize("code", ["", "1" * 41, "12\x00345"])
def test_a_field_that_cannot_be_read_is_not_checked(user: User, code: str) -> None:
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


def test_the_right_password_alone_forgets_no_failure(user: User) -> None:
    for _ in range(4):
        give(after_password(user), wrong_code(user))
        delays_pass()
    client = after_password(user)
    assert LoginFailure.objects.count() == 4
    assert give(client, code_of(user)).status_code == 302
    assert not LoginFailure.objects.exists()


def test_a_login_to_the_api_forgets_no_wrong_code(user: User) -> None:
    """Or whoever knows the password could go on guessing codes."""
    for _ in range(4):
        give(after_password(user), wrong_code(user))
        delays_pass()
    body = {"username": user.username, "password": PASSWORD}
    login = Client(REMOTE_ADDR=HERE).post("/api/users/login", body, content_type="application/json")
    assert login.status_code == 200
    assert LoginFailure.objects.count() == 4


def test_guesses_from_many_addresses_meet_growing_delays(user: User) -> None:
    """Our limits are for a name at an address; those of django-otp are for the device, wherever guesses come from."""
    assert give(after_password(user), wrong_code(user)).status_code == 200
    assert TOTPDevice.objects.get(user=user).throttling_failure_count == 1
    TOTPDevice.objects.update(throttling_failure_count=12)  # as if eleven more had come from elsewhere
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
    manager.post("/admin/users/user/", {"action": "unlock", "_selected_action": [user.pk]})
    assert give(client, code_of(user)).status_code == 302


def test_ending_the_delays_alone_is_logged(user: User) -> None:
    manager = Client()
    manager.force_login(make_user(is_staff=True, is_superuser=True))
    give(after_password(user), wrong_code(user))
    LoginFailure.objects.all().delete()
    for _ in range(2):  # the second time there is nothing to end
        manager.post("/admin/users/user/", {"action": "unlock", "_selected_action": [user.pk]})
    assert AccountEvent.objects.filter(action="unlocked", target_user=user).count() == 1


def test_a_recovery_code_logs_in_once(user: User) -> None:
    code, other = with_second_factor(user)[:2]
    client = after_password(user)
    assert "Type one of the recovery codes" in client.get(f"{CODE}?recovery=1").content.decode()
    assert give(client, code.upper()).status_code == 302
    assert "You logged in with a recovery code; 9 left." in client.get("/admin/").content.decode()
    entry = AccountEvent.objects.get(action="recovery_code_used")
    assert (entry.actor_id, entry.changes) == (user.pk, {"recovery_codes_left": [10, 9]})
    again = after_password(user)
    assert give(again, code).status_code == 200
    delays_pass()
    assert give(again, other.replace("-", "")).status_code == 302


def test_somebody_elses_codes_are_wrong(user: User) -> None:
    other = make_user(is_staff=True)
    recovery = with_second_factor(other)[0]
    client = after_password(user)
    assert give(client, recovery).status_code == 200
    if code_of(other) != code_of(user):
        delays_pass()
        assert give(client, code_of(other)).status_code == 200


def test_the_pause_between_the_steps_is_bounded(user: User) -> None:
    client = after_password(user)
    session = client.session
    session["second_factor_pending"] = {**session["second_factor_pending"], "at": 0}
    session.save()
    assert give(client, code_of(user))["Location"] == f"{LOGIN}?next=%2Fadmin%2F"
    assert not is_in(client)


@pytest.mark.parametrize("change", ["password", "deactivated", "demoted", "everywhere"])
def test_what_ends_sessions_ends_the_first_step(user: User, change: str) -> None:
    client, code = after_password(user), code_of(user)
    if change == "password":
        user.set_password("another password")
    user.is_active, user.is_staff = change != "deactivated", change != "demoted"
    user.save()
    if change == "everywhere":
        User.objects.revoke_tokens(user)
    assert give(client, code)["Location"].startswith(LOGIN)
    assert not is_in(client)


def test_the_code_page_by_itself_leads_to_the_login(user: User) -> None:
    assert Client().get(CODE)["Location"].startswith(LOGIN)
    assert give(Client(), code_of(user))["Location"].startswith(LOGIN)


@pytest.mark.parametrize(
    ("after", "leads_to"),
    [
        ("/admin/users/user/%3Fq%3Da", "/admin/users/user/?q=a"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
        ("", "/admin/"),
    ],
)
def test_the_login_leads_to_this_site_alone(user: User, after: str, leads_to: str) -> None:
    client = Client()
    first = client.post(f"{LOGIN}?next={after}", {"username": "Boss", "password": PASSWORD})
    assert "evil" not in first["Location"]
    assert give(client, code_of(user), after)["Location"] == leads_to
    code_passes(user)
    assert client.post(first["Location"], {"code": code_of(user)}).status_code == 302


def test_a_form_without_its_csrf_token_is_not_checked(user: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(CODE, {"code": code_of(user)}).status_code == 403


def test_the_api_asks_for_no_code(user: User) -> None:
    assert log_in("Boss", PASSWORD).status_code == 200
    assert Client().get("/api/users/me", headers=bearer(user)).status_code == 200


def test_who_has_no_second_factor_logs_in_as_before() -> None:
    make_user(username="plain", is_staff=True)
    assert admin("plain", PASSWORD)["Location"] == "/admin/"


def test_the_phone_s_clock_may_be_half_a_minute_fast(user: User) -> None:
    device = TOTPDevice.objects.get(user=user)
    assert second_factor.verify(user, code_for(device.key, drift=1)) is not None
