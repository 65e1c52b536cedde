"""HTTP/1.1 connections: persistence, and many at once."""

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

from tests.factories import lead_row
from tests.live import LiveServer
from tests.server.wire import read_to_end


def test_one_connection_serves_many_requests(server: LiveServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.connect()
    socket = connection.sock
    headers = {"Content-Type": "application/json", **server.token()}
    for number in range(3):
        connection.request("POST", "/api/leads", json.dumps(lead_row(first_name=f"N{number}")), headers)
        response = connection.getresponse()
        assert (response.status, json.load(response)["first_name"]) == (201, f"N{number}")
    assert connection.sock is socket
    connection.close()


def test_pipelined_requests_are_answered_in_order(server: LiveServer) -> None:
    host = "Host: 127.0.0.1\r\n"
    with server.connect() as connection:
        connection.sendall(
            f"GET / HTTP/1.1\r\n{host}\r\nGET /api/nothing HTTP/1.1\r\n{host}\r\n"
            f"GET /api/users/me HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode()
        )
        text = read_to_end(connection)
    assert [int(part[:3]) for part in text.split(b"HTTP/1.1 ")[1:]] == [200, 404, 401]


def test_sixteen_clients_at_once(server: LiveServer) -> None:
    token = server.token()

    def create(number: int) -> tuple[int, int]:
        reply = server.send("POST", "/api/leads", lead_row(), token)
        return reply.status, reply.json()["id"]

    with ThreadPoolExecutor(16) as clients:
        results = list(clients.map(create, range(48)))
    assert {status for status, _ in results} == {201}
    assert len({lead_id for _, lead_id in results}) == 48


def test_a_trailing_slash_makes_no_difference(server: LiveServer) -> None:
    token = server.token()
    plain = server.send("GET", "/api/users/me", headers=token)
    slashed = server.send("GET", "/api/users/me/", headers=token)
    assert plain.status == slashed.status == 200
    assert plain.body == slashed.body


def test_head_of_a_list_has_no_body(server: LiveServer) -> None:
    token = server.token()
    reply = server.send("HEAD", "/api/leads", headers=token)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-type"].startswith("application/json")


def test_204_has_neither_body_nor_length(server: LiveServer) -> None:
    token = server.token()
    lead_id = server.send("POST", "/api/leads", lead_row(), token).json()["id"]
    reply = server.send("DELETE", f"/api/leads/{lead_id}", headers=token)
    assert (reply.status, reply.body) == (204, b"")
    assert "content-length" not in reply.headers


def test_letters_beyond_ascii_in_the_address(server: LiveServer) -> None:
    token = server.token()
    name = "Żółć"
    assert server.send("POST", "/api/leads", lead_row(last_name=name), token).status == 201
    found = server.send("GET", "/api/leads?q=%C5%BB%C3%B3%C5%82%C4%87", headers=token).json()
    assert [lead["last_name"] for lead in found] == [name]
    assert server.send("GET", "/api/%C5%BB%FF", headers=token).status == 404


def test_an_unknown_host_name_is_refused(server: LiveServer) -> None:
    assert server.send("GET", "/", headers={"Host": "evil.example"}).status == 400


def test_a_precondition_that_cannot_be_read_is_not_met(server: LiveServer) -> None:
    token = server.token()
    lead = server.send("POST", "/api/leads", lead_row(phone="0"), token).json()
    with server.connect() as connection:
        connection.sendall(
            f"DELETE /api/leads/{lead['id']} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Authorization: {token['Authorization']}\r\n".encode()
            + b'If-Match: "9-\xe9"\r\n\r\n'
        )
        assert read_to_end(connection).startswith(b"HTTP/1.1 412 ")
    assert server.send("GET", f"/api/leads/{lead['id']}", headers=token).status == 200


def test_a_host_that_cannot_be_read_is_not_ours(server: LiveServer) -> None:
    with server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: caf\xe9\r\nConnection: close\r\n\r\n")
        assert read_to_end(connection).startswith(b"HTTP/1.1 400 ")
