"""The token endpoint through the OAuth2 clients people use."""

import secrets

import pytest
from authlib.integrations.requests_client import OAuth2Session
from oauthlib.oauth2 import LegacyApplicationClient
from oauthlib.oauth2.rfc6749.errors import OAuth2Error
from requests_oauthlib import OAuth2Session as RequestsSession

from tests.live import LiveServer

pytestmark = pytest.mark.slow

PASSWORD = "pass 123456"


@pytest.fixture
def username(server: LiveServer) -> str:
    """Return a new agent with ``PASSWORD``."""
    name = f"oauth-{secrets.token_hex(6)}"
    names = {"first_name": "O", "last_name": "Auth", "email": f"{name}@example.com"}
    body = {"username": name, "password": PASSWORD, **names}
    assert server.send("POST", "/api/users/register", body).status == 201
    return name


@pytest.fixture
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """oauthlib insists on TLS; the loopback needs none."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.mark.usefixtures("plain_http")
def test_requests_oauthlib(server: LiveServer, username: str) -> None:
    with RequestsSession(client=LegacyApplicationClient(client_id="desk")) as session:
        session.fetch_token(f"{server.url}/api/users/token", username=username, password=PASSWORD)
        reply = session.get(f"{server.url}/api/users/me")
    assert (reply.status_code, reply.json()["username"]) == (200, username)


@pytest.mark.usefixtures("plain_http")
def test_requests_oauthlib_with_a_wrong_password(server: LiveServer, username: str) -> None:
    with (
        RequestsSession(client=LegacyApplicationClient(client_id="desk")) as session,
        pytest.raises(OAuth2Error),
    ):
        session.fetch_token(f"{server.url}/api/users/token", username=username, password="wrong")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_authlib(server: LiveServer, username: str, method: str) -> None:
    with OAuth2Session("desk", "s3cret", token_endpoint_auth_method=method) as session:
        session.fetch_token(
            f"{server.url}/api/users/token", username=username, password=PASSWORD, grant_type="password"
        )
        reply = session.get(f"{server.url}/api/users/me")
    assert (reply.status_code, reply.json()["username"]) == (200, username)
