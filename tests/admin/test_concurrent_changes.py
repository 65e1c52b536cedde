"""Concurrent changes: one of them is a conflict with a message, and nothing fails."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, connections
from django.db.models.signals import pre_save
from django.test import Client

from tests.admin.people import browser_of
from tests.admin.test_password_links import add, choose
from tests.factories import make_user
from tests.users.mails import link_in
from users.audit import AccountEvent
from users.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has only one writer"),
]


@contextmanager
def concurrent_change(statement: str, rival: Callable[[], Any]) -> Iterator[None]:
    """Commit another write after the form was validated and before its own write, once."""
    pending = [rival]

    def execute_after_rival(execute: Any, sql: str, *args: Any) -> Any:
        if pending and sql.startswith(statement):
            with ThreadPoolExecutor(1) as other:
                other.submit(_run, pending.pop()).result()
        return execute(sql, *args)

    with connection.execute_wrapper(execute_after_rival):
        yield
    assert not pending


def _run(job: Callable[[], Any]) -> None:
    try:
        job()
    finally:
        connections.close_all()


@pytest.fixture
def boss() -> Client:
    """Return the client of a superuser."""
    return browser_of("superuser")


@pytest.mark.parametrize("taken", [{"username": "CARLA"}, {"email": "Carla@Example.com"}])
def test_a_new_user_with_a_name_taken_concurrently(boss: Client, taken: dict[str, str]) -> None:
    field = next(iter(taken))
    with concurrent_change('INSERT INTO "users_user" ', lambda: User.objects.bulk_create([_stored(**taken)])):
        page = add(boss)
    assert f"A user with this {field} already exists." in page
    assert "carla added." not in boss.get("/admin/users/user/").content.decode()
    assert User.objects.filter(**taken).count() == 1
    assert not User.objects.filter(first_name="Carla").exists()


def _stored(**fields: str) -> User:
    user = User(**{"username": "rival", "email": "rival@example.com", **fields}, password="!")
    user.username_key, user.email_key = user.username.lower(), user.email.lower()
    return user


def test_two_users_renamed_to_one_name(boss: Client) -> None:
    user = make_user(username="carl")
    form = {"username": "carla", "email": "c@example.com", "first_name": "", "last_name": "", "is_active": "on"}
    with concurrent_change('UPDATE "users_user" SET ', lambda: User.objects.bulk_create([_stored(username="carla")])):
        page = boss.post(f"/admin/users/user/{user.pk}/change/", form).content.decode()
    assert "A user with this username already exists." in page
    user.refresh_from_db()
    assert user.username == "carl"


def test_a_password_link_outside_of_a_transaction(boss: Client) -> None:
    """Other tests run in a transaction, so that a missing one would not be noticed."""
    user = make_user(username="carl")
    page = boss.post(f"/admin/users/user/{user.pk}/password/").content.decode()
    assert choose(link_in(page), "another pass 1234").status_code == 302
    assert User.objects.authenticate("carl", "another pass 1234")


def test_two_groups_with_one_name(boss: Client) -> None:
    with concurrent_change('INSERT INTO "auth_group" ', lambda: Group.objects.bulk_create([Group(name="Interns")])):
        page = boss.post("/admin/auth/group/add/", {"name": "Interns"}).content.decode()
    assert "Group with this Name already exists." in page
    assert Group.objects.filter(name="Interns").count() == 1


def test_adding_a_user_to_a_deleted_group(boss: Client) -> None:
    user, group = make_user(username="carla"), Group.objects.create(name="Interns")
    form = {"username": "carla", "email": "c@example.com", "first_name": "", "last_name": "", "groups": [group.pk]}
    with concurrent_change('INSERT INTO "users_user_groups"', group.delete):
        page = boss.post(f"/admin/users/user/{user.pk}/change/", {**form, "is_active": "on"}).content.decode()
    assert "Select a valid choice" in page
    assert "was changed successfully" not in boss.get("/admin/users/user/").content.decode()
    assert not user.groups.exists()


def test_deleting_a_group_that_gets_a_member(boss: Client) -> None:
    user, group = make_user(), Group.objects.create(name="Interns")
    with concurrent_change('DELETE FROM "auth_group" ', lambda: user.groups.add(group.pk)):
        reply = boss.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}, follow=True)
    assert reply.content.decode().count("was deleted successfully") == 1
    assert not Group.objects.filter(pk=group.pk).exists()
    assert not user.groups.exists()


def test_deleting_selected_groups_that_get_a_member(boss: Client) -> None:
    user, group = make_user(), Group.objects.create(name="Interns")
    form = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    with concurrent_change('DELETE FROM "auth_group" ', lambda: user.groups.add(group.pk)):
        reply = boss.post("/admin/auth/group/", form, follow=True)
    assert reply.content.decode().count("Successfully deleted 1 group") == 1
    assert not Group.objects.filter(pk=group.pk).exists()


def test_saving_a_deleted_group(boss: Client) -> None:
    group = Group.objects.create(name="Interns")
    with concurrent_change('SELECT %s AS "a" FROM "auth_group" ', group.delete):
        reply = boss.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Trainees"}, follow=True)
    assert "Perhaps it was deleted?" in reply.content.decode()
    assert "was changed successfully" not in reply.content.decode()
    assert not Group.objects.filter(name__in=["Interns", "Trainees"]).exists()


@pytest.mark.parametrize("in_list", [True, False])
def test_deleting_a_deleted_group(boss: Client, in_list: bool) -> None:
    group = Group.objects.create(name="Interns")
    path = "/admin/auth/group/" if in_list else f"/admin/auth/group/{group.pk}/delete/"
    form = {"action": "delete_selected", "_selected_action": [group.pk]} if in_list else {}
    with concurrent_change('INSERT INTO "users_accountevent"', lambda: Group.objects.filter(pk=group.pk).delete()):
        reply = boss.post(path, {**form, "post": "yes"}, follow=True)
    assert reply.status_code == 200
    assert "uccessfully" not in reply.content.decode()
    assert not AccountEvent.objects.filter(target_name="Interns").exists()


def test_a_permanent_conflict(boss: Client) -> None:
    def fail(**kwargs: Any) -> None:
        raise IntegrityError("no")

    pre_save.connect(fail, sender=Group)
    try:
        reply = boss.post("/admin/auth/group/add/", {"name": "Interns"}, follow=True)
    finally:
        pre_save.disconnect(fail, sender=Group)
    assert reply.status_code == 200
    assert "Not saved: someone else made a change at the same time." in reply.content.decode()
    assert not Group.objects.filter(name="Interns").exists()
