"""A user who was read before somebody changed the password, and is saved after it."""

import pytest
from django.test import Client

from tests.conftest import Api
from tests.factories import PASSWORD, bearer
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
