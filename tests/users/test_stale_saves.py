"""Saving a user that another request has changed since it was read."""

from typing import Any

import pytest
from django.test import Client

from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from users.models import User

pytestmark = pytest.mark.django_db

NEW = "a brand new password"


def change_password(agent: User) -> None:
    other = User.objects.get(pk=agent.pk)
    other.set_password(NEW)
    other.save()


def test_it_brings_no_token_back(agent: User) -> None:
    old = bearer(agent)
    stale = User.objects.get(pk=agent.pk)
    change_password(agent)
    stale.first_name = "Changed"
    stale.save()
    assert Client(headers=old).get("/api/users/me").status_code == 401


def test_it_brings_no_password_back(agent: User, anonymous: Api) -> None:
    stale = User.objects.get(pk=agent.pk)
    change_password(agent)
    stale.first_name = "Changed"
    stale.save()
    agent.refresh_from_db()
    assert agent.first_name == "Changed"
    for password, status in ((NEW, 200), (PASSWORD, 401)):
        login = anonymous.post("/api/users/login", {"username": agent.username, "password": password})
        assert login.status_code == status


def test_two_password_changes_end_every_token_between(agent: User) -> None:
    stale = User.objects.get(pk=agent.pk)
    change_password(agent)
    between = bearer(User.objects.get(pk=agent.pk))
    stale.set_password("yet another password")
    stale.save()
    assert Client(headers=between).get("/api/users/me").status_code == 401


@pytest.mark.parametrize("page", ["password_change/", "users/user/{}/change/"])
def test_a_form_undoes_nothing_that_was_stored_meanwhile(monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    """Deactivated, demoted and erased between the validation of the form and its storage."""
    boss = make_user(username="boss", is_staff=True, is_superuser=True)
    user = boss if page == "password_change/" else make_user(username="carla", is_staff=True, is_superuser=True)
    browser = Client()
    browser.force_login(boss)
    stored = User.save

    def save(self: User, *args: Any, **kwargs: Any) -> None:
        gone = {"username": "erased", "username_key": "erased", "email": "", "email_key": None, "is_active": False}
        if self.pk == user.pk and not kwargs.get("update_fields"):
            User.objects.filter(pk=user.pk).update(**gone, is_superuser=False, is_staff=False)
        stored(self, *args, **kwargs)

    monkeypatch.setattr(User, "save", save)
    names = {"username": user.username, "email": user.email, "first_name": "New", "last_name": "Name"}
    passwords = {"old_password": PASSWORD, "new_password1": "a new password", "new_password2": "a new password"}
    flags = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}
    reply = browser.post(f"/admin/{page.format(user.pk)}", {**names, **passwords, **flags})
    assert reply.status_code in (200, 302)
    monkeypatch.undo()
    user = User.objects.get(pk=user.pk)
    assert (user.username, user.email) == ("erased", "")
    assert (user.is_active, user.is_superuser, user.is_staff) == (False, False, False)


def test_what_was_not_saved_yet_is_saved_with_the_rest(agent: User) -> None:
    for between in (
        lambda user: user.save(update_fields=["last_name"]),
        lambda user: user.refresh_from_db(fields=["email"]),
    ):
        user = User.objects.defer("email").get(pk=agent.pk)
        user.first_name = f"New {user.first_name}"
        between(user)
        user.save()
        assert User.objects.get(pk=agent.pk).first_name == user.first_name
