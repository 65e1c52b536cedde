"""Pages that ask for the password again."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver

from tests.conftest import Case
from tests.factories import PASSWORD
from users.back_office.reauthentication import BUTTONS, FORMS
from users.models import LoginFailure, User

pytestmark = pytest.mark.django_db

CONFIRM = "/admin/confirm-password/"
MINUTES = 60


def wait(browser: Client, minutes: float) -> None:
    """Let time pass since the password was entered."""
    session = browser.session
    for key in ("started_at", "password_at"):
        if key in session:
            session[key] -= minutes * MINUTES
    session.save()


def asks_for_password(reply: Any) -> bool:
    return bool(reply.status_code == 302 and reply["Location"].startswith(CONFIRM))


def confirm(browser: Client, reply: Any, password: str = PASSWORD) -> Any:
    """Enter the password on the page that a reply redirects to."""
    target = parse_qs(urlsplit(reply["Location"]).query)["next"][0]
    return browser.post(CONFIRM, {"password": password, "next": target})


def test_it_works(boss: Client, agent: User) -> None:
    page = f"/admin/users/user/{agent.pk}/change/?_changelist_filters=q%3Dx"
    assert boss.get(page).status_code == 200
    wait(boss, 16)
    redirect = boss.get(page)
    assert asks_for_password(redirect)
    assert "Confirm password" in boss.get(redirect["Location"]).content.decode()
    key = boss.session.session_key
    done = confirm(boss, redirect)
    assert (done.status_code, done["Location"]) == (302, page)
    assert boss.session.session_key != key
    assert boss.get(page).status_code == 200
    wait(boss, 16)
    assert asks_for_password(boss.get(page))


PAGES = [
    *(
        "users/user/add/",
        "users/user/{user}/change/",
        "users/user/{user}/password/",
        "users/user/{user}/second-factor/",
    ),
    *("auth/group/add/", "auth/group/{group}/change/", "auth/group/{group}/delete/"),
    *("personal-data/", "personal-data/download/", "personal-data/erase/"),
]


def test_pages_that_ask(boss: Client, agent: User, case: Case) -> None:
    for page in PAGES:
        with case(page):
            path = "/admin/" + page.format(user=agent.pk, group=Group.objects.create(name="Interns").pk)
            wait(boss, 14)
            assert not asks_for_password(boss.get(path))
            wait(boss, 2)
            assert asks_for_password(boss.get(path))
            assert not asks_for_password(boss.post(path, {})), "there is time to fill in a form"
            wait(boss, 15)
            assert asks_for_password(boss.post(path, {}))


def test_a_late_form_is_not_saved(boss: Client, agent: User) -> None:
    wait(boss, 31)
    form = {"username": "renamed", "email": agent.email, "first_name": "A", "last_name": "B", "is_active": "on"}
    page = f"/admin/users/user/{agent.pk}/change/"
    reply = boss.post(page, form, follow=True)
    assert "Not saved: enter your password" in reply.content.decode()
    agent.refresh_from_db()
    assert agent.username != "renamed"
    boss.post(CONFIRM, {"password": PASSWORD, "next": page})
    boss.post(page, form)
    agent.refresh_from_db()
    assert agent.username == "renamed"


def test_buttons_of_lists(boss: Client, agent: User) -> None:
    form = {"action": "deactivate", "_selected_action": [agent.pk]}
    wait(boss, 16)
    assert boss.get("/admin/users/user/").status_code == 200
    assert asks_for_password(boss.post("/admin/users/user/", form))
    assert asks_for_password(boss.post("/admin/users/user/unlock-address/", {"address": "1.2.3.4"}))
    assert asks_for_password(boss.post("/admin/auth/group/", {"action": "delete_selected"}))
    agent.refresh_from_db()
    assert agent.is_active


def test_other_pages_do_not_ask(boss: Client) -> None:
    wait(boss, 40)
    for page in ("", "leads/lead/", "leads/lead/add/", "users/user/", "auth/group/", "sessions/"):
        assert boss.get(f"/admin/{page}").status_code == 200


def test_anonymous_users_are_sent_to_the_login(db: None) -> None:
    reply = Client().get("/admin/users/user/add/")
    assert reply["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/admin/", "/\\evil.example", "/api/leads", "", "javascript:x"]
)
def test_only_pages_of_the_back_office_are_next_pages(boss: Client, target: str) -> None:
    assert boss.post(CONFIRM, {"password": PASSWORD, "next": target})["Location"] == "/admin/"
    page = boss.get(CONFIRM, {"next": target}).content.decode()
    assert 'name="next" value="/admin/"' in page


def test_wrong_passwords_are_counted(boss: Client) -> None:
    for _ in range(5):
        reply = boss.post(CONFIRM, {"password": "wrong", "next": "/admin/"})
        assert "Wrong password." in reply.content.decode()
    assert LoginFailure.objects.count() == 5
    locked = boss.post(CONFIRM, {"password": PASSWORD, "next": "/admin/"})
    assert (locked.status_code, "Try again in" in locked.content.decode()) == (429, True)
    assert int(locked["Retry-After"]) > 0
    assert Client().post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 429


def test_a_wrong_password_confirms_nothing(boss: Client, agent: User) -> None:
    wait(boss, 16)
    confirm(boss, boss.get("/admin/users/user/add/"), "wrong")
    assert asks_for_password(boss.get("/admin/users/user/add/"))


def names_of(patterns: list[Any]) -> set[str]:
    names = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            names |= names_of(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            names.add(pattern.name)
    return names


# Routes of users, groups and personal data that change nothing.
READ_ONLY = {"users_user_history", "users_user_delete", "auth_group_history"}


def test_all_pages_that_change_users_ask() -> None:
    names = names_of(admin.site.get_urls())
    routes = {name for name in names if name.startswith(("users_user_", "auth_", "personal_data", "calendar_link"))}
    assert routes - READ_ONLY == FORMS | BUTTONS
