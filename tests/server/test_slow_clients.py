"""Slow clients do not block others."""

import socket
from contextlib import ExitStack

from crm_project.http.gateway import RESPONSE_SLOTS, SERVER_THREADS
from tests.live import LiveServer, serving
from tests.server.wire import nothing_came, post_head

MANY = 40  # far more than workers times threads
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"


def test_half_sent_bodies_starve_nobody(server: LiveServer) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(MANY)]
        for connection in slow:
            connection.sendall(post_head("/api/users/login", "Content-Length: 50") + b"{")
        assert server.send("GET", "/api/leads", headers=server.token()).status == 200
        assert all(nothing_came(connection) for connection in slow)  # they were waiting all the while


def test_half_sent_headers_starve_nobody(server: LiveServer) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(server.connect()) for _ in range(MANY)]
        for connection in slow:
            connection.sendall(b"GET /api/leads HTTP/1.1\r\nHost:")
        assert server.send("GET", "/api/leads", headers=server.token()).status == 200
        assert all(nothing_came(connection) for connection in slow)


def test_downloads_that_nobody_reads_starve_nobody(server: LiveServer) -> None:
    with ExitStack() as stack:
        for _ in range(MANY):
            connection = stack.enter_context(server.connect())
            connection.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert server.send("GET", "/api/leads", headers=server.token()).status == 200


def test_more_downloads_than_threads_that_nobody_reads_starve_nobody() -> None:
    """With segments of a network's size, the system's buffers take little of a response."""
    with serving(WORKERS="1") as server, ExitStack() as stack:
        replies = []
        for _ in range(SERVER_THREADS + 10):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(30)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            replies.append(connection.recv(12))
        refused = SERVER_THREADS + 10 - RESPONSE_SLOTS
        assert replies == [b"HTTP/1.1 200"] * RESPONSE_SLOTS + [b"HTTP/1.1 503"] * refused
        assert server.send("GET", "/health/live").status == 200
        assert server.send("GET", "/api/leads", headers=server.token()).status == 200
        stack.close()
        while server.send("GET", LARGE).status != 200:  # as soon as the server sees that they have hung up
            assert server.process.poll() is None


def test_a_large_file_arrives_whole(server: LiveServer) -> None:
    reply = server.send("GET", LARGE, headers={"Accept-Encoding": "identity"})
    assert reply.status == 200
    assert len(reply.body) == int(reply.headers["content-length"]) > 1_000_000
