"""Reading of request bodies: complete, limited in size and in time."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.factories import lead_row
from tests.live import LiveServer
from tests.server.wire import last_reply, post_head

pytestmark = pytest.mark.any_database

ORIGIN = {"Origin": "http://localhost:5173"}


def test_a_chunked_body_arrives_whole(server: LiveServer) -> None:
    rows = [lead_row(property_interest="two bedrooms " * 40) for _ in range(300)]
    text = json.dumps(rows).encode()
    assert len(text) > 100_000

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(text), 7000):
            yield text[start : start + 7000]

    headers = {"Content-Type": "application/json", **server.token()}  # http.client sends iterators in chunks
    reply = server.send("POST", "/api/leads", chunks(), headers)
    assert reply.status == 201
    assert [lead["email"] for lead in reply.json()] == [row["email"] for row in rows]


def test_a_client_that_sends_it_all_first_sees_the_413(strict_server: LiveServer) -> None:
    reply = strict_server.send("POST", "/api/leads", b"[" + b" " * 5_000_000 + b"]", ORIGIN)
    assert reply.status == 413
    assert reply.json() == {"detail": "The body is larger than 4096 bytes"}
    assert reply.headers["access-control-allow-origin"] == ORIGIN["Origin"]


@pytest.mark.parametrize("sent", [b"", b"[" * 3000])
def test_a_length_far_over_the_cap_is_a_413_though_the_body_never_comes(strict_server: LiveServer, sent: bytes) -> None:
    with strict_server.connect() as connection:
        connection.sendall(post_head("/api/leads", f"Content-Length: {2**62}") + sent)
        reply = last_reply(connection)
    assert (reply.status, reply.json()) == (413, {"detail": "The body is larger than 4096 bytes"})


@pytest.mark.parametrize(("length", "status"), [(5000, b"413"), (4096, b"100")])
def test_a_client_with_expect_100_gets_its_413_before_it_sends(
    strict_server: LiveServer, length: int, status: bytes
) -> None:
    with strict_server.connect() as connection:
        connection.sendall(post_head("/api/leads", f"Content-Length: {length}", "Expect: 100-continue"))
        assert connection.recv(12) == b"HTTP/1.1 " + status


@pytest.mark.parametrize("protocol", ["1.1", "1.0"])
def test_a_request_without_a_host_is_a_400(server: LiveServer, protocol: str) -> None:
    with server.connect() as connection:
        connection.sendall(f"GET / HTTP/{protocol}\r\nConnection: close\r\n\r\n".encode())
        assert last_reply(connection).status == 400


def test_a_chunked_body_over_the_cap_is_a_413(strict_server: LiveServer) -> None:
    headers = {"Content-Type": "application/json"}
    reply = strict_server.send("POST", "/api/leads", iter([b" " * 1000] * 5), headers)
    assert reply.status == 413


def test_a_body_at_the_cap_is_read(strict_server: LiveServer) -> None:
    account = json.dumps({"username": "nobody", "password": "wrong"}).encode()
    headers = {"Content-Type": "application/json"}
    reply = strict_server.send("POST", "/api/users/login", account + b" " * (4096 - len(account)), headers)
    assert reply.status == 401


def test_the_connection_serves_on_after_a_413(strict_server: LiveServer) -> None:
    with strict_server.connect() as connection:
        connection.sendall(post_head("/api/leads", "Content-Length: 5000") + b" " * 5000)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert last_reply(connection).body.endswith(b'{"status":"ok"}')


def test_a_body_that_breaks_off_is_a_400_and_never_taken_for_whole(server: LiveServer) -> None:
    with server.connect() as connection:
        connection.sendall(post_head("/api/leads", "Content-Length: 100") + b'[{"first_name": "A"}')
        connection.shutdown(socket.SHUT_WR)
        reply = last_reply(connection)
    assert reply.status == 400
    assert reply.json() == {"detail": "The body ended before its announced length"}


@pytest.mark.parametrize(
    "sent",
    [b'12\r\n[{"first_name": "\r\n', b'100\r\n[{"first_name": "A"}', b"4\r\n[{}, \r\nzz\r\n"],
    ids=["between chunks", "within a chunk", "malformed"],
)
def test_json_that_breaks_off_between_chunks_is_never_taken_for_whole(server: LiveServer, sent: bytes) -> None:
    """The server does not know that the body is incomplete, but half of any JSON is malformed."""
    token = server.token()
    with server.connect() as connection:
        authorization = f"Authorization: {token['Authorization']}"
        connection.sendall(post_head("/api/leads", "Transfer-Encoding: chunked", authorization) + sent)
        connection.shutdown(socket.SHUT_WR)
        reply = last_reply(connection)
    assert reply.status in (400, 422)


def test_contradictory_lengths_are_refused(server: LiveServer) -> None:
    with server.connect() as connection:
        connection.sendall(post_head("/api/leads", "Content-Length: 2", "Content-Length: 3") + b"[]")
        assert last_reply(connection).status == 400
