"""What erases, exports, and changes users or groups asks for the password again."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver

from tests.factories import PASSWORD, make_user
from users.back_office.reauthentication import BUTTONS, FORMS
from users.models import LoginFailure, User

pytestmark = pytest.mark.django_db

CONFIRM = "/admin/confirm-password/"
MINUTES = 60


@pytest.fixture
def boss(db: None) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(make_user(username="boss", is_staff=True, is_superuser=True))
    return client


def wait(browser: Client, minutes: float) -> None:
    """As if the password had been entered so much earlier."""
    session = browser.session
    for moment in ("started_at", "password_at"):
        if moment in session:
            session[moment] -= minutes * MINUTES
    session.save()


def asks(reply: Any) -> bool:
    return bool(reply.status_code == 302 and reply["Location"].startswith(CONFIRM))


def confirm(browser: Client, reply: Any, password: str = PASSWORD) -> Any:
    """Enter the password on the page that a reply leads to."""
    target = parse_qs(urlsplit(reply["Location"]).query)["next"][0]
    return browser.post(CONFIRM, {"password": password, "next": target})


def test_it_works(boss: Client, agent: User) -> None:
    page = f"/admin/users/user/{agent.pk}/change/?_changelist_filters=q%3Dx"
    assert boss.get(page).status_code == 200
    wait(boss, 16)
    asked = boss.get(page)
    assert asks(asked)
    assert "Confirm your password" in boss.get(asked["Location"]).content.decode()
    key = boss.session.session_key
    done = confirm(boss, asked)
    assert (done.status_code, done["Location"]) == (302, page)
    assert boss.session.session_key != key
    assert boss.get(page).status_code == 200
    wait(boss, 16)
    assert asks(boss.get(page))


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


@pytest.mark.parametrize("page", PAGES)
def test_pages_that_ask(boss: Client, agent: User, page: str) -> None:
    path = "/admin/" + page.format(user=agent.pk, group=Group.objects.create(name="Interns").pk)
    wait(boss, 14)
    assert not asks(boss.get(path))
    wait(boss, 2)
    assert asks(boss.get(path))
    assert not asks(boss.post(path, {})), "there is time to fill a form in"
    wait(boss, 15)
    assert asks(boss.post(path, {}))


def test_a_form_that_is_too_late_is_not_saved_and_says_so(boss: Client, agent: User) -> None:
    wait(boss, 31)
    form = {"username": "renamed", "email": agent.email, "first_name": "A", "last_name": "B", "is_active": "on"}
    page = f"/admin/users/user/{agent.pk}/change/"
    reply = boss.post(page, form, follow=True)
    assert "Nothing was saved: enter your password" in reply.content.decode()
    agent.refresh_from_db()
    assert agent.username != "renamed"
    boss.post(CONFIRM, {"password": PASSWORD, "next": page})
    boss.post(page, form)
    agent.refresh_from_db()
    assert agent.username == "renamed"


def test_buttons_of_lists(boss: Client, agent: User) -> None:
    chosen = {"action": "deactivate", "_selected_action": [agent.pk]}
    wait(boss, 16)
    assert boss.get("/admin/users/user/").status_code == 200
    assert asks(boss.post("/admin/users/user/", chosen))
    assert asks(boss.post("/admin/users/user/unlock-address/", {"address": "1.2.3.4"}))
    assert asks(boss.post("/admin/auth/group/", {"action": "delete_selected"}))
    agent.refresh_from_db()
    assert agent.is_active


def test_other_pages_do_not_ask(boss: Client) -> None:
    wait(boss, 40)
    for page in ("", "leads/lead/", "leads/lead/add/", "users/user/", "auth/group/", "sessions/"):
        assert boss.get(f"/admin/{page}").status_code == 200


def test_who_may_not_is_denied_without_being_asked(db: None) -> None:
    reply = Client().get("/admin/users/user/add/")
    assert reply["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/admin/", "/\\evil.example", "/api/leads", "", "javascript:x"]
)
def test_it_leads_nowhere_else(boss: Client, target: str) -> None:
    assert boss.post(CONFIRM, {"password": PASSWORD, "next": target})["Location"] == "/admin/"
    page = boss.get(CONFIRM, {"next": target}).content.decode()
    assert 'name="next" value="/admin/"' in page


def test_wrong_passwords_count(boss: Client) -> None:
    for _ in range(5):
        reply = boss.post(CONFIRM, {"password": "wrong", "next": "/admin/"})
        assert "That is not your password." in reply.content.decode()
    assert LoginFailure.objects.count() == 5
    locked = boss.post(CONFIRM, {"password": PASSWORD, "next": "/admin/"})
    assert (locked.status_code, "Try again in" in locked.content.decode()) == (429, True)
    assert int(locked["Retry-After"]) > 0
    assert Client().post("/admin/login/", {"username": "boss", "password": PASSWORD}).status_code == 429


def test_a_wrong_password_confirms_nothing(boss: Client, agent: User) -> None:
    wait(boss, 16)
    confirm(boss, boss.get("/admin/users/user/add/"), "wrong")
    assert asks(boss.get("/admin/users/user/add/"))


def names_of(patterns: list[Any]) -> set[str]:
    found = set()
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found |= names_of(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            found.add(pattern.name)
    return found


# Routes of users, groups and personal data that change nothing.
HARMLESS = {"users_user_history", "users_user_delete", "auth_group_history"}


def test_no_page_that_changes_users_is_forgotten() -> None:
    names = names_of(admin.site.get_urls())
    about = {name for name in names if name.startswith(("users_user_", "auth_", "personal_data"))}
    assert about - HARMLESS == FORMS | BUTTONS
