"""Whose accounts a manager may change, and how far: nobody makes themselves, or anybody, more than they are."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from tests.admin.people import browser_of, make_groups, make_person
from tests.admin.test_password_links import choose
from tests.conftest import Api
from tests.factories import PASSWORD, make_user
from tests.users.mails import link_in
from users.models import LoginFailure, User
from users.permissions import MANAGERS, STAFF

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "a brand new password"


def fields(user: User, **more: Any) -> dict[str, Any]:
    """The form of a user's page as it comes."""
    own = {"username": user.username, "email": user.email, "first_name": user.first_name, "last_name": user.last_name}
    flags = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    groups = {"groups": [group.pk for group in user.groups.all()]}
    return {name: value for name, value in {**own, **flags, **groups, **more}.items() if value is not None}


def change(browser: Client, user: User, **more: Any) -> Any:
    """Save a user's page with these fields changed; ``None`` leaves one out, as an unticked box is."""
    return browser.post(f"/admin/users/user/{user.pk}/change/", fields(user, **more))


@pytest.fixture
def manager(db: None) -> Client:
    """A manager's browser."""
    return browser_of("manager")


def group(name: str) -> Group:
    """One of the office's groups."""
    return Group.objects.get(name=name)


def test_a_manager_makes_an_agent_and_lets_them_into_the_office(manager: Client, anonymous: Api) -> None:
    new = {"username": "carla", "email": "carla@example.com", "first_name": "Carla", "last_name": "Díaz"}
    reply = manager.post("/admin/users/user/add/", new)
    carla = User.objects.get(username="carla")
    assert choose(link_in(reply.content.decode()), NEW_PASSWORD).status_code == 302
    assert anonymous.post("/api/users/login", {"username": "carla", "password": NEW_PASSWORD}).status_code == 200
    assert change(manager, carla, is_staff="on", groups=[group(STAFF).pk]).status_code == 302
    browser = Client()
    browser.force_login(User.objects.get(pk=carla.pk))
    assert browser.get("/admin/leads/lead/").status_code == 200


def test_a_manager_makes_a_manager(manager: Client, agent: User) -> None:
    change(manager, agent, groups=[group(MANAGERS).pk])
    assert agent.groups.get().name == MANAGERS


def test_a_manager_makes_no_superuser(manager: Client, agent: User) -> None:
    page = manager.get(f"/admin/users/user/{agent.pk}/change/").content.decode()
    assert 'name="is_superuser"' not in page
    assert 'name="user_permissions"' not in page
    delete = Permission.objects.get(codename="delete_user")
    reply = change(manager, agent, first_name="Saved", is_superuser="on", user_permissions=[delete.pk])
    assert reply.status_code == 302
    agent.refresh_from_db()
    assert (agent.first_name, agent.is_superuser, agent.user_permissions.count()) == ("Saved", False, 0)


def test_a_manager_gives_no_group_that_may_more(manager: Client, agent: User) -> None:
    powerful = Group.objects.create(name="Auditors")
    powerful.permissions.add(Permission.objects.get(codename="delete_lead"))
    assert "Auditors" not in manager.get(f"/admin/users/user/{agent.pk}/change/").content.decode()
    assert change(manager, agent, groups=[powerful.pk]).status_code == 200
    assert not agent.groups.exists()


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("kind", ["superuser", "by group", "by name"])
def test_who_may_more_than_a_manager_is_out_of_reach(manager: Client, kind: str, active: bool) -> None:
    other = make_user(is_staff=True, is_superuser=kind == "superuser", is_active=active)
    permission = Permission.objects.get(codename="delete_lead")
    if kind == "by group":
        auditors = Group.objects.create(name="Auditors")
        auditors.permissions.add(permission)
        other.groups.add(auditors)
    elif kind == "by name":
        other.user_permissions.add(permission)
    passwords = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert change(manager, other, first_name="Mine").status_code == 403
    assert manager.get(f"/admin/users/user/{other.pk}/password/").status_code == 403
    assert manager.post(f"/admin/users/user/{other.pk}/password/", passwords).status_code == 403
    for action in ("deactivate", "reactivate", "unlock"):
        manager.post("/admin/users/user/", {"action": action, "_selected_action": [other.pk]})
    stored = User.objects.get(pk=other.pk)
    assert (stored.first_name, stored.is_active) == (other.first_name, active)
    assert stored.check_password(PASSWORD)


def test_a_password_s_hash_is_nothing_to_look_at(manager: Client) -> None:
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
    assert [held.name for held in user.groups.all()] == [STAFF]
    assert not group(STAFF).permissions.filter(codename="change_user").exists()


@pytest.mark.parametrize("field", ["is_active", "is_staff", "is_superuser"])
def test_nobody_shuts_themselves_out(boss: Client, field: str) -> None:
    me = User.objects.get(username="boss")
    reply = change(boss, me, **{field: None})
    assert "You cannot" in reply.content.decode()
    me.refresh_from_db()
    assert getattr(me, field)


def test_many_are_deactivated_at_once_but_not_oneself(boss: Client, agent: User, api: Api) -> None:
    me = User.objects.get(username="boss")
    boss.post("/admin/users/user/", {"action": "deactivate", "_selected_action": [agent.pk, me.pk]})
    assert set(User.objects.values_list("username", "is_active")) == {(agent.username, False), ("boss", True)}
    assert api.get("/api/users/me").status_code == 401
    boss.post("/admin/users/user/", {"action": "reactivate", "_selected_action": [agent.pk]})
    agent.refresh_from_db()
    assert agent.is_active


def test_who_is_locked_out_is_seen_and_let_in(manager: Client, agent: User, anonymous: Api) -> None:
    for _ in range(5):
        anonymous.post("/api/users/login", {"username": agent.username, "password": "a wrong one"})
    right = {"username": agent.username, "password": PASSWORD}
    assert anonymous.post("/api/users/login", right).status_code == 429
    assert "Locked" in manager.get("/admin/users/user/").content.decode()
    manager.post("/admin/users/user/", {"action": "unlock", "_selected_action": [agent.pk]})
    assert not LoginFailure.objects.exists()
    assert anonymous.post("/api/users/login", right).status_code == 200
    assert "Locked" not in manager.get("/admin/users/user/").content.decode()


def test_the_list_costs_the_same_for_many(boss: Client, django_assert_num_queries: Any) -> None:
    make_groups()
    boss.get("/admin/")  # writes that the session is used, once a minute
    # 1. session  2. its user  3. their second factor  4. which addresses are locked  5. how many wait for approval
    # 6. groups to filter by  7. how many fit  8. how many there are  9. which names are locked  10. the page
    # 11. its groups
    for people in (1, 30):
        for _ in range(people):
            make_user().groups.add(group(STAFF))
        with django_assert_num_queries(11) as run:
            boss.get("/admin/users/user/")
        assert len(run) == 11
