"""Two people who store the same thing at the same moment: one is told, and nothing breaks."""

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
from tests.admin.test_password_links import choose
from tests.admin.test_users import add
from tests.factories import make_user
from tests.users.mails import link_in
from users.audit import AccountEvent
from users.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's one writer lets nobody in between"),
]


@contextmanager
def quicker(statement: str, rival: Callable[[], Any]) -> Iterator[None]:
    """Somebody else's write is stored between the form's being judged and its own write, the first time."""
    left = [rival]

    def in_between(execute: Any, sql: str, *told: Any) -> Any:
        if left and sql.startswith(statement):
            with ThreadPoolExecutor(1) as other:
                other.submit(_alone, left.pop()).result()
        return execute(sql, *told)

    with connection.execute_wrapper(in_between):
        yield
    assert not left


def _alone(job: Callable[[], Any]) -> None:
    try:
        job()
    finally:
        connections.close_all()


@pytest.fixture
def boss() -> Client:
    """A superuser's browser."""
    return browser_of("superuser")


@pytest.mark.parametrize("taken", [{"username": "CARLA"}, {"email": "Carla@Example.com"}])
def test_a_name_that_was_free_a_moment_ago(boss: Client, taken: dict[str, str]) -> None:
    field = next(iter(taken))
    with quicker('INSERT INTO "users_user" ', lambda: User.objects.bulk_create([_stored(**taken)])):
        page = add(boss)
    assert f"A user with this {field} exists already." in page
    assert "was added." not in boss.get("/admin/users/user/").content.decode()
    assert User.objects.filter(**taken).count() == 1
    assert not User.objects.filter(first_name="Carla").exists()


def _stored(**fields: str) -> User:
    user = User(**{"username": "rival", "email": "rival@example.com", **fields}, password="!")
    user.username_key, user.email_key = user.username.lower(), user.email.lower()
    return user


def test_two_users_to_one_name(boss: Client) -> None:
    user = make_user(username="carl")
    form = {"username": "carla", "email": "c@example.com", "first_name": "", "last_name": "", "is_active": "on"}
    with quicker('UPDATE "users_user" SET ', lambda: User.objects.bulk_create([_stored(username="carla")])):
        page = boss.post(f"/admin/users/user/{user.pk}/change/", form).content.decode()
    assert "A user with this username exists already." in page
    user.refresh_from_db()
    assert user.username == "carl"


def test_a_password_is_set_by_link_outside_of_any_transaction(boss: Client) -> None:
    """Unlike in other tests: what locks a row must not count on one that is there."""
    user = make_user(username="carl")
    page = boss.post(f"/admin/users/user/{user.pk}/password/").content.decode()
    assert choose(link_in(page), "another pass 1234").status_code == 302
    assert User.objects.authenticate("carl", "another pass 1234")


def test_a_group_twice(boss: Client) -> None:
    with quicker('INSERT INTO "auth_group" ', lambda: Group.objects.bulk_create([Group(name="Interns")])):
        page = boss.post("/admin/auth/group/add/", {"name": "Interns"}).content.decode()
    assert "Group with this Name already exists." in page
    assert Group.objects.filter(name="Interns").count() == 1


def test_a_group_that_is_gone_as_somebody_is_put_into_it(boss: Client) -> None:
    user, group = make_user(username="carla"), Group.objects.create(name="Interns")
    form = {"username": "carla", "email": "c@example.com", "first_name": "", "last_name": "", "groups": [group.pk]}
    with quicker('INSERT INTO "users_user_groups"', group.delete):
        page = boss.post(f"/admin/users/user/{user.pk}/change/", {**form, "is_active": "on"}).content.decode()
    assert "Select a valid choice" in page
    assert "was changed successfully" not in boss.get("/admin/users/user/").content.decode()
    assert not user.groups.exists()


def test_a_group_that_somebody_is_put_into_as_it_goes(boss: Client) -> None:
    user, group = make_user(), Group.objects.create(name="Interns")
    with quicker('DELETE FROM "auth_group" ', lambda: user.groups.add(group.pk)):
        reply = boss.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"}, follow=True)
    assert reply.content.decode().count("was deleted successfully") == 1
    assert not Group.objects.filter(pk=group.pk).exists()
    assert not user.groups.exists()


def test_groups_ticked_in_the_list(boss: Client) -> None:
    user, group = make_user(), Group.objects.create(name="Interns")
    ticked = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    with quicker('DELETE FROM "auth_group" ', lambda: user.groups.add(group.pk)):
        reply = boss.post("/admin/auth/group/", ticked, follow=True)
    assert reply.content.decode().count("Successfully deleted 1 group") == 1
    assert not Group.objects.filter(pk=group.pk).exists()


def test_a_group_that_is_gone_as_it_is_saved(boss: Client) -> None:
    group = Group.objects.create(name="Interns")
    with quicker('SELECT %s AS "a" FROM "auth_group" ', group.delete):
        reply = boss.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Trainees"}, follow=True)
    assert "Perhaps it was deleted?" in reply.content.decode()
    assert "was changed successfully" not in reply.content.decode()
    assert not Group.objects.filter(name__in=["Interns", "Trainees"]).exists()


@pytest.mark.parametrize("ticked", [True, False])
def test_a_group_that_somebody_else_deletes(boss: Client, ticked: bool) -> None:
    group = Group.objects.create(name="Interns")
    path = "/admin/auth/group/" if ticked else f"/admin/auth/group/{group.pk}/delete/"
    form = {"action": "delete_selected", "_selected_action": [group.pk]} if ticked else {}
    with quicker('INSERT INTO "users_accountevent"', lambda: Group.objects.filter(pk=group.pk).delete()):
        reply = boss.post(path, {**form, "post": "yes"}, follow=True)
    assert reply.status_code == 200
    assert "uccessfully" not in reply.content.decode()
    assert not AccountEvent.objects.filter(target_name="Interns").exists()


def test_what_the_database_refuses_every_time(boss: Client) -> None:
    def refuse(**told: Any) -> None:
        raise IntegrityError("no")

    pre_save.connect(refuse, sender=Group)
    try:
        reply = boss.post("/admin/auth/group/add/", {"name": "Interns"}, follow=True)
    finally:
        pre_save.disconnect(refuse, sender=Group)
    assert reply.status_code == 200
    assert "nothing was stored. Look again." in reply.content.decode()
    assert not Group.objects.filter(name="Interns").exists()
