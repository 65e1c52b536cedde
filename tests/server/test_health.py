"""GET / over a real connection."""

from tests.live import LiveServer


def test_it_works(server: LiveServer) -> None:
    reply = server.send("GET", "/")
    assert reply.status == 200
    assert reply.json() == {"status": "ok"}


def test_the_software_and_its_version_are_not_named(server: LiveServer) -> None:
    headers = server.send("GET", "/").headers
    assert headers["server"] == "crm"
    assert "x-powered-by" not in headers


def test_head_has_the_length_but_no_body(server: LiveServer) -> None:
    reply = server.send("HEAD", "/")
    assert reply.status == 200
    assert reply.headers["content-length"] == "15"
    assert reply.body == b""
