"""``Idempotency-Key``: the server is killed, the response is lost, and the client repeats the request."""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable

import psycopg
import pytest

from tests.factories import lead_row
from tests.live import LiveServer, migrated_database, serving
from tests.server.wire import last_reply, post_head, read_to_end

ROWS = 3000  # a reply of a megabyte: more than fits into the sockets' buffers while nobody reads


def send(server: LiveServer, token: dict[str, str], body: bytes, key: str) -> socket.socket:
    """Return a thread that sends a bulk request."""
    connection = server.connect()
    head = post_head(
        "/api/leads",
        f"Content-Length: {len(body)}",
        f"Authorization: {token['Authorization']}",
        f"Idempotency-Key: {key}",
        "Connection: close",
    )
    connection.sendall(head + body)
    return connection


def kill(server: LiveServer) -> None:
    """Kill the server and its workers."""
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait()


def as_soon_as_it_is_sent(connection: socket.socket) -> None:
    """Probably before anything is stored."""


def as_soon_as_the_reply_begins(connection: socket.socket) -> None:
    """After the commit, and before most of the response is sent."""
    connection.recv(1)


@pytest.mark.skipif(sys.platform != "linux", reason="kills process groups")
@pytest.mark.parametrize("moment", [as_soon_as_it_is_sent, as_soon_as_the_reply_begins])
def test_a_killed_server_has_done_it_once_or_not_at_all(moment: Callable[[socket.socket], None]) -> None:
    body = json.dumps([lead_row() for _ in range(ROWS)]).encode()
    with migrated_database() as database_url:
        with serving(DATABASE_URL=database_url, WORKERS="1") as server:
            token = server.token()
            with send(server, token, body, "once") as connection:
                moment(connection)
                kill(server)
        with serving(DATABASE_URL=database_url, WORKERS="1") as server:
            await_no_transaction(database_url)
            with send(server, token, body, "once") as connection:
                reply = last_reply(connection)
            assert reply.status == 201
            assert len(reply.json()) == ROWS
            if moment is as_soon_as_the_reply_begins:
                assert reply.headers["idempotent-replayed"] == "true"
            dashboard = server.send("GET", "/api/dashboard", headers=token).json()
            assert dashboard["total_leads"] == ROWS


def await_no_transaction(database_url: str) -> None:
    """Return when PostgreSQL has ended the killed server's transaction; until then the key gets a 409."""
    if not database_url.startswith("postgresql"):
        return
    open_ones = (
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute(open_ones).fetchone() != (0,):
            pass


def test_a_client_that_hangs_up_gets_its_reply_later(server: LiveServer) -> None:
    token = server.token()
    body = json.dumps([lead_row(source="hung up") for _ in range(10)]).encode()
    with send(server, token, body, "hung-up"):
        pass  # gone before the reply
    again = [retry(server, token, body) for _ in range(2)]
    assert again[0] == again[1]
    found = server.send("GET", "/api/leads?source=hung%20up&size=100", headers=token).json()
    assert len(found) == 10


def retry(server: LiveServer, token: dict[str, str], body: bytes) -> bytes:
    """Repeat the request until its response is stored, and return the body; on PostgreSQL it gets a 409 until then."""
    while True:
        with send(server, token, body, "hung-up") as connection:
            text = read_to_end(connection)
        if not text.startswith(b"HTTP/1.1 409 "):
            assert text.startswith(b"HTTP/1.1 201 ")
            return text.partition(b"\r\n\r\n")[2]
