"""GET /api/users/me."""

from tests.conftest import Api
from users.models import User


def test_it_works(api: Api, agent: User) -> None:
    reply = api.get("/api/users/me")
    assert reply.status_code == 200
    assert reply.json() == {
        "id": agent.pk,
        "username": agent.username,
        "email": agent.email,
        "first_name": "Agent",
        "last_name": "One",
        "created_at": agent.created_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
    }


def test_without_a_token_it_is_a_401(anonymous: Api) -> None:
    reply = anonymous.get("/api/users/me")
    assert reply.status_code == 401
    assert reply.json() == {"detail": "Not authenticated"}
    assert reply["WWW-Authenticate"] == "Bearer"


def test_it_shows_the_user_as_stored_now(api: Api, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(first_name="Zoë")
    assert api.get("/api/users/me").json()["first_name"] == "Zoë"
