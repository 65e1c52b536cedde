"""The user's own password: strength, and when it must be changed."""

import io
from itertools import product
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.admin.people import browser_of, join, make_person
from tests.conftest import Api, Case
from tests.factories import PASSWORD, bearer, make_user
from users.audit import AccountEvent
from users.models import User
from users.permissions import STAFF

pytestmark = pytest.mark.django_db

PAGE, DONE = "/admin/password_change/", "/admin/password_change/done/"
COMMON, STRONG = "password123", "a rarely used sentence"


def log_in(username: str, password: str) -> Client:
    """Return a client that has logged in by the login page."""
    browser = Client()
    reply = browser.post("/admin/login/?next=/admin/leads/lead/", {"username": username, "password": password})
    assert reply.status_code == 302
    return browser


def change(browser: Client, old: str, new: str) -> Any:
    """Change the user's own password."""
    return browser.post(PAGE, {"old_password": old, "new_password1": new, "new_password2": new})


def must_change(user: User) -> bool:
    return User.objects.get(pk=user.pk).must_change_password


def test_weak_passwords_are_rejected(case: Case) -> None:
    for (new, message), kind in product(
        [
            (COMMON, "This password is too common."),
            ("theresia.huber", "The password is too similar to the username."),
            ("huber@example.com", "The password is too similar to the email."),
            ("Wilhelmina7", "The password is too similar to the first name."),
            ("short", "should have at least 8 characters"),
            (PASSWORD, "Choose a password other than the current one."),
        ],
        ["staff", "manager", "superuser"],
    ):
        with case(new, message, kind):
            user = make_person(kind)
            user.username, user.email, user.first_name = "theresia.huber", "huber@example.com", "Wilhelmina"
            user.save()
            browser = Client()
            browser.force_login(user)
            page = change(browser, PASSWORD, new).content.decode()
            assert message in page
            assert User.objects.get(pk=user.pk).check_password(PASSWORD)


def test_a_weak_password_must_be_changed_after_the_login(caplog: pytest.LogCaptureFixture) -> None:
    user = make_user(username="carla", is_staff=True, password=COMMON)
    join(user, STAFF)
    browser = log_in("carla", COMMON)
    entry = AccountEvent.objects.get(action="changed", target_user=user)
    assert entry.changes == {"must_change_password": [False, True]}
    for page in ("", "leads/lead/", "leads/importrun/add/", "password_change/done/"):
        reply = browser.get(f"/admin/{page}")
        assert (reply.status_code, reply["Location"]) == (302, PAGE)
    assert browser.post("/admin/leads/lead/add/", {"first_name": "Ada"}).status_code == 302
    assert "Choose a new password to continue." in browser.get(PAGE).content.decode()
    assert browser.get("/admin/jsi18n/").status_code == 200
    with caplog.at_level("INFO", logger="crm"):
        assert change(browser, COMMON, STRONG)["Location"] == DONE
    assert [record.msg for record in caplog.records if record.name == "crm.events"] == ["password_changed"]
    assert browser.get(DONE).status_code == 200
    assert browser.get("/admin/leads/lead/").status_code == 200
    assert not must_change(user)
    assert log_in("carla", STRONG).get("/admin/").status_code == 200


def test_logging_out_is_always_possible() -> None:
    make_user(username="carla", is_staff=True, password=COMMON)
    browser = log_in("carla", COMMON)
    assert browser.post("/admin/logout/").status_code in (200, 302)
    assert browser.get("/admin/")["Location"].startswith("/admin/login/")


def test_new_staff_are_checked_at_the_next_login() -> None:
    """Agents choose passwords by the API's rule, and only the next login has the plain password."""
    user = make_user(username="carla", password=COMMON)
    assert Client().post("/admin/login/", {"username": "carla", "password": COMMON}).status_code == 200
    assert not must_change(user)
    user.is_staff = True
    user.save()
    assert log_in("carla", COMMON).get("/admin/")["Location"] == PAGE


def test_a_strong_password_need_not_be_changed() -> None:
    user = make_user(username="carla", is_staff=True)
    assert log_in("carla", PASSWORD).get("/admin/").status_code == 200
    assert not must_change(user)


def test_a_manager_may_require_a_new_password() -> None:
    user = make_user(username="carla", is_staff=True)
    names = {"username": "carla", "email": user.email, "first_name": "", "last_name": ""}
    form = {**names, "is_active": "on", "is_staff": "on", "must_change_password": "on"}
    assert browser_of("manager").post(f"/admin/users/user/{user.pk}/change/", form).status_code == 302
    browser = log_in("carla", PASSWORD)
    assert browser.get("/admin/")["Location"] == PAGE
    change(browser, PASSWORD, STRONG)
    assert browser.get("/admin/").status_code == 200


def test_the_api_does_not_require_a_new_password(anonymous: Api) -> None:
    user = make_user(username="carla", is_staff=True, must_change_password=True)
    assert anonymous.post("/api/users/login", {"username": "carla", "password": PASSWORD}).status_code == 200
    passwords = {"current_password": PASSWORD, "new_password": STRONG}
    assert Api(bearer(user)).post("/api/users/me/password", passwords).status_code == 200
    assert not must_change(user)


def test_the_check_of_make_admin_cannot_be_bypassed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's command asks whether to use a weak password anyway."""
    monkeypatch.setattr("getpass.getpass", lambda *_: COMMON)
    monkeypatch.setattr("builtins.input", lambda *_: "y")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with pytest.raises(CommandError, match="too common"):
        call_command("createsuperuser", username="boss", email="", stdin=Terminal(), stdout=io.StringIO())
    assert not User.objects.exists()


def test_a_password_set_by_command_must_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    make_user(username="carla", is_staff=True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: STRONG)
    call_command("changepassword", "carla", stdout=io.StringIO())
    browser = log_in("carla", STRONG)
    assert browser.get("/admin/")["Location"] == PAGE
    assert "Choose a password other than the current one." in change(browser, STRONG, STRONG).content.decode()
    change(browser, STRONG, "another such sentence")
    assert browser.get("/admin/").status_code == 200
