"""POST /api/users/logout and /api/users/logout-all."""

import pytest
from django.test import Client

from tests.conftest import Api
from tests.factories import PASSWORD, bearer, make_user
from tests.users.test_refresh import me, renew, start
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def zoe() -> User:
    """Return the user who logs out."""
    return make_user(username="Zoë", is_staff=True)


def as_bearer(token: str) -> Api:
    return Api({"Authorization": f"Bearer {token}"})


def test_logging_out_ends_the_family_and_no_other(zoe: User) -> None:
    desk, phone, plain = start(), start(), bearer(zoe)
    reply = as_bearer(desk["access_token"]).post("/api/users/logout")
    assert (reply.status_code, reply.content) == (204, b"")
    assert me(desk) == 401
    assert renew(desk).status_code == 401
    assert me(phone) == 200
    assert renew(phone).status_code == 200
    assert Client(headers=plain).get("/api/users/me").status_code == 200


def test_a_token_without_a_family_is_a_conflict(zoe: User) -> None:
    reply = Api(bearer(zoe)).post("/api/users/logout")
    assert reply.status_code == 409
    assert "/api/users/logout-all" in reply.json()["detail"]
    assert Client(headers=bearer(zoe)).get("/api/users/me").status_code == 200


def test_logging_out_everywhere_ends_everything(zoe: User) -> None:
    desk, phone, plain = start(), start(), bearer(zoe)
    office = Client()
    office.post("/admin/login/?next=/admin/", {"username": "Zoë", "password": PASSWORD})
    assert office.get("/admin/").status_code == 200
    reply = Api(plain).post("/api/users/logout-all")
    assert (reply.status_code, reply.content) == (204, b"")
    assert Client(headers=plain).get("/api/users/me").status_code == 401
    assert [me(desk), me(phone)] == [401, 401]
    assert [renew(desk).status_code, renew(phone).status_code] == [401, 401]
    assert office.get("/admin/").status_code == 302


def test_one_s_own_tokens_only(api: Api, zoe: User) -> None:
    assert Api(bearer(zoe)).post("/api/users/logout-all").status_code == 204
    assert api.get("/api/users/me").status_code == 200


def test_logging_in_again_works(zoe: User) -> None:
    Api(bearer(zoe)).post("/api/users/logout-all")
    assert me(start()) == 200
