"""GET /, and the names the server answers to."""

import pytest

from tests.conftest import Api


def test_it_works(anonymous: Api) -> None:
    reply = anonymous.get("/")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/json"
    assert reply.json() == {"status": "ok"}


def test_head_has_no_body(anonymous: Api) -> None:
    reply = anonymous.send("HEAD", "/")
    assert (reply.status_code, reply.content) == (200, b"")


def test_a_bad_token_does_not_matter(anonymous: Api) -> None:
    assert anonymous.client.get("/", headers={"Authorization": "Bearer rubbish"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "é", "[", ""]
)
@pytest.mark.parametrize("path", ["/", "/api/leads", "/api/users/me", "/api/nope"])
def test_another_host_name_is_a_400(api: Api, path: str, host: str) -> None:
    reply = api.client.get(path, headers={"Host": host})
    assert reply.status_code == 400
    assert reply["Content-Type"] == "application/json"
    assert reply.json() == {"detail": "Bad Request"}
