"""The users that a manager may change, and the permissions that a manager can grant."""

from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from tests.admin.people import make_groups, make_person
from tests.admin.test_password_links import choose
from tests.conftest import Api, Case
from tests.factories import PASSWORD, make_user
from tests.users.mails import link_in
from users.models import LoginFailure, User
from users.permissions import MANAGERS, STAFF

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "a brand new password"


def fields(user: User, **more: Any) -> dict[str, Any]:
    """Return the form of a user's page."""
    identity = {
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
    }
    flags = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    groups = {"groups": [group.pk for group in user.groups.all()]}
    return {name: value for name, value in {**identity, **flags, **groups, **more}.items() if value is not None}


def change(browser: Client, user: User, **more: Any) -> Any:
    """Save a user's page with changed fields; ``None`` leaves a field out, like an unchecked box."""
    return browser.post(f"/admin/users/user/{user.pk}/change/", fields(user, **more))


def group(name: str) -> Group:
    """Return a group by name."""
    return Group.objects.get(name=name)


def test_a_manager_creates_a_user_with_access(manager: Client, anonymous: Api) -> None:
    new = {"username": "carla", "email": "carla@example.com", "first_name": "Carla", "last_name": "Díaz"}
    reply = manager.post("/admin/users/user/add/", new)
    carla = User.objects.get(username="carla")
    assert choose(link_in(reply.content.decode()), NEW_PASSWORD).status_code == 302
    assert anonymous.post("/api/users/login", {"username": "carla", "password": NEW_PASSWORD}).status_code == 200
    assert change(manager, carla, is_staff="on", groups=[group(STAFF).pk]).status_code == 302
    browser = Client()
    browser.force_login(User.objects.get(pk=carla.pk))
    assert browser.get("/admin/leads/lead/").status_code == 200


def test_a_manager_promotes_to_manager(manager: Client, agent: User) -> None:
    change(manager, agent, groups=[group(MANAGERS).pk])
    assert agent.groups.get().name == MANAGERS


def test_a_manager_cannot_create_superusers(manager: Client, agent: User) -> None:
    page = manager.get(f"/admin/users/user/{agent.pk}/change/").content.decode()
    assert 'name="is_superuser"' not in page
    assert 'name="user_permissions"' not in page
    delete = Permission.objects.get(codename="delete_user")
    reply = change(manager, agent, first_name="Saved", is_superuser="on", user_permissions=[delete.pk])
    assert reply.status_code == 302
    agent.refresh_from_db()
    assert (agent.first_name, agent.is_superuser, agent.user_permissions.count()) == ("Saved", False, 0)


def test_a_manager_cannot_grant_groups_with_more_permissions(manager: Client, agent: User) -> None:
    powerful = Group.objects.create(name="Auditors")
    powerful.permissions.add(Permission.objects.get(codename="delete_lead"))
    assert "Auditors" not in manager.get(f"/admin/users/user/{agent.pk}/change/").content.decode()
    assert change(manager, agent, groups=[powerful.pk]).status_code == 200
    assert not agent.groups.exists()


def test_a_manager_cannot_change_users_with_more_permissions(manager: Client, case: Case) -> None:
    for kind, active in product(["superuser", "group", "permission"], [True, False]):
        with case(kind, active):
            other = make_user(is_staff=True, is_superuser=kind == "superuser", is_active=active)
            permission = Permission.objects.get(codename="delete_lead")
            if kind == "group":
                auditors = Group.objects.create(name="Auditors")
                auditors.permissions.add(permission)
                other.groups.add(auditors)
            elif kind == "permission":
                other.user_permissions.add(permission)
            passwords = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
            assert change(manager, other, first_name="Changed").status_code == 403
            assert manager.get(f"/admin/users/user/{other.pk}/password/").status_code == 403
            assert manager.post(f"/admin/users/user/{other.pk}/password/", passwords).status_code == 403
            for action in ("deactivate", "reactivate", "unlock"):
                manager.post("/admin/users/user/", {"action": action, "confirmed": "1", "_selected_action": [other.pk]})
            stored = User.objects.get(pk=other.pk)
            assert (stored.first_name, stored.is_active) == (other.first_name, active)
            assert stored.check_password(PASSWORD)


def test_password_hashes_are_not_shown(manager: Client) -> None:
    other = make_user(is_staff=True, is_superuser=True)
    page = manager.get(f"/admin/users/user/{other.pk}/change/")
    assert page.status_code == 200
    assert "argon2" not in page.content.decode()
    assert "argon2" not in manager.get(f"/admin/users/user/{make_user().pk}/change/").content.decode()


def test_staff_cannot_promote_themselves() -> None:
    user = make_person("staff")
    browser = Client()
    browser.force_login(user)
    manager_group = group(MANAGERS)
    assert change(browser, user, groups=[manager_group.pk]).status_code == 403
    rules = {"name": STAFF, "permissions": [permission.pk for permission in manager_group.permissions.all()]}
    assert browser.post(f"/admin/auth/group/{group(STAFF).pk}/change/", rules).status_code == 403
    assert [member.name for member in user.groups.all()] == [STAFF]
    assert not group(STAFF).permissions.filter(codename="change_user").exists()


@pytest.mark.parametrize("field", ["is_active", "is_staff", "is_superuser"])
def test_users_cannot_remove_their_own_access(boss: Client, field: str) -> None:
    me = User.objects.get(username="boss")
    reply = change(boss, me, **{field: None})
    assert "You cannot" in reply.content.decode()
    me.refresh_from_db()
    assert getattr(me, field)


def test_the_action_does_not_deactivate_the_user(boss: Client, agent: User, api: Api) -> None:
    me = User.objects.get(username="boss")
    boss.post("/admin/users/user/", {"action": "deactivate", "confirmed": "1", "_selected_action": [agent.pk, me.pk]})
    assert set(User.objects.values_list("username", "is_active")) == {(agent.username, False), ("boss", True)}
    assert api.get("/api/users/me").status_code == 401
    boss.post("/admin/users/user/", {"action": "reactivate", "confirmed": "1", "_selected_action": [agent.pk]})
    agent.refresh_from_db()
    assert agent.is_active


def test_a_locked_user_is_shown_and_unlocked(manager: Client, agent: User, anonymous: Api) -> None:
    for _ in range(5):
        anonymous.post("/api/users/login", {"username": agent.username, "password": "a wrong one"})
    login = {"username": agent.username, "password": PASSWORD}
    assert anonymous.post("/api/users/login", login).status_code == 429
    assert "Locked" in manager.get("/admin/users/user/").content.decode()
    manager.post("/admin/users/user/", {"action": "unlock", "confirmed": "1", "_selected_action": [agent.pk]})
    assert not LoginFailure.objects.exists()
    assert anonymous.post("/api/users/login", login).status_code == 200
    assert "Locked" not in manager.get("/admin/users/user/").content.decode()


def test_the_number_of_queries_is_constant(boss: Client, django_assert_num_queries: Any) -> None:
    make_groups()
    boss.get("/admin/")  # stores that the session is used, once a minute
    # 1. session  2. user  3. second factor  4. locked addresses  5. waiting registrations  6. groups of the filter
    # 7. matching users  8. all users  9. locked user names  10. the page  11. groups of its users
    # 12. the saved views of the sidebar
    for people in (1, 30):
        for _ in range(people):
            make_user().groups.add(group(STAFF))
        with django_assert_num_queries(12) as run:
            boss.get("/admin/users/user/")
        assert len(run) == 12
