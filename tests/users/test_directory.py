"""GET /api/users and PATCH /api/users/me."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.people import join
from tests.assertions import refused
from tests.conftest import Api
from tests.factories import PASSWORD, make_user
from users.models import AccountEvent, LoginFailure, User
from users.permissions import MANAGERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    user = make_user(first_name="Zoë", last_name="Boss", username="chief")
    join(user, MANAGERS)
    return user


def test_it_works(api: Api, agent: User, manager: User) -> None:
    make_user(first_name="Éva", last_name="Álvarez", username="eva", is_active=False)
    reply = api.get("/api/users", count="exact")
    assert reply.status_code == 200
    names = [(row["first_name"], row["last_name"], row["is_active"], row.get("username")) for row in reply.json()]
    assert names == [
        ("Zoë", "Boss", True, None),
        ("Agent", "One", True, agent.username),
        ("Éva", "Álvarez", False, None),
    ]
    assert (reply["X-Total-Count"], reply["Content-Range"]) == ("3", "users 0-2/3")
    assert [row["first_name"] for row in api.get("/api/users", page=2, size=2).json()] == ["Éva"]


def test_user_names_are_for_managers(api: Api, api_as: Callable[[User], Api], agent: User, manager: User) -> None:
    rows = api_as(manager).get("/api/users").json()
    assert {row["username"] for row in rows} == {"chief", agent.username}
    assert [row["id"] for row in api_as(manager).get("/api/users", q="CHIEF").json()] == [manager.pk]
    assert api.get("/api/users", q="chief").json() == []


def test_search_and_activity(api: Api, agent: User) -> None:
    away = make_user(first_name="Éva", last_name="Álvarez", is_active=False)
    for query, found in (
        ("q=éVA", [away.pk]),
        ("q=ÁLVAREZ+é", [away.pk]),
        ("active=false", [away.pk]),
        ("active=true", [agent.pk]),
        ("active=&q=", [agent.pk, away.pk]),
        ("q=nobody", []),
    ):
        assert [row["id"] for row in api.get(f"/api/users?{query}").json()] == found, query
    assert refused(api.get("/api/users?active=x&colour=red")) == [("extra_forbidden", ["query", "colour"])]
    assert refused(api.get("/api/users?active=x&count=y&size=0")) == [
        ("greater_than_equal", ["query", "size"]),
        ("bool_parsing", ["query", "active"]),
        ("literal_error", ["query", "count"]),
    ]


def test_the_profile_is_changed(api: Api, agent: User) -> None:
    before = api.get("/api/users/me").json()
    changed = {**before, "first_name": "Lena", "last_name": "Fischer"}
    assert api.patch("/api/users/me", {"first_name": " Lena ", "last_name": "Fischer"}).json() == changed
    assert api.get("/api/users/me").json() == changed
    entry = AccountEvent.objects.get()
    assert (entry.action, entry.channel, entry.changes["first_name"]) == ("changed", "api", ["Agent", "Lena"])
    assert api.patch("/api/users/me", changed).json() == changed, "what is sent back changes nothing"
    assert AccountEvent.objects.count() == 1


def test_a_new_email_address_needs_the_password(api: Api, agent: User) -> None:
    make_user(email="taken@example.com")
    new = {"email": "new@example.com"}
    assert refused(api.patch("/api/users/me", new)) == [("missing", ["body", "current_password"])]
    assert api.patch("/api/users/me", {**new, "current_password": "wrong password"}).status_code == 403
    assert api.patch("/api/users/me?dry_run=true", {**new, "current_password": "wrong password"}).status_code == 403
    assert LoginFailure.objects.count() == 2, "a dry run is no way to guess"
    taken = api.patch("/api/users/me", {"email": "TAKEN@example.com", "current_password": PASSWORD})
    assert taken.status_code == 409
    dry = api.patch("/api/users/me?dry_run=true", {**new, "current_password": PASSWORD})
    assert (dry.json()["email"], dry["Preference-Applied"]) == ("new@example.com", "dry-run")
    assert User.objects.get(pk=agent.pk).email == agent.email
    reply = api.patch("/api/users/me", {**new, "current_password": PASSWORD})
    assert (reply.status_code, reply.json()["email"]) == (200, "new@example.com")
    assert api.get("/api/users/me").status_code == 200, "the token stays"


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (
            {"email": "x", "first_name": 1},
            [("string_type", ["body", "first_name"]), ("value_error", ["body", "email"])],
        ),
        ({"colour": "red"}, [("extra_forbidden", ["body", "colour"])]),
        ({"is_staff": True}, [("extra_forbidden", ["body", "is_staff"])]),
        ([], [("model_attributes_type", ["body"])]),
    ],
)
def test_bad_profiles(api: Api, body: Any, problems: Any) -> None:
    assert refused(api.patch("/api/users/me", body)) == problems
