"""The log of a real server: JSON lines about requests, without user input."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import activity_row, lead_row
from tests.live import LiveServer, serving

MARK = "zqmark"  # in everything that is sent
PHONE = "5550199887"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def own_server() -> Iterator[LiveServer]:
    """Yield a server for this module, with its own log."""
    with serving() as running:
        yield running


def lines(server: LiveServer) -> list[dict[str, Any]]:
    """Return the JSON lines of a log, without the text on standard output."""
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def line_of(server: LiveServer, request_id: str) -> dict[str, Any]:
    """Return the only access line with that id."""
    (line,) = (it for it in lines(server) if it.get("request_id") == request_id and it["logger"] == "crm.access")
    return line


def test_a_request_is_one_line(own_server: LiveServer) -> None:
    token = own_server.token()
    me = own_server.send("GET", "/api/users/me", headers=token).json()["id"]
    reply = own_server.send("GET", f"/api/leads/404404?q={MARK}", headers={**token, "X-Request-ID": "from-the-proxy"})
    assert reply.headers["x-request-id"] == "from-the-proxy"
    line = line_of(own_server, "from-the-proxy")
    assert line.pop("time").endswith("Z")
    assert line.pop("ms") > 0
    assert line == {
        "level": "INFO",
        "logger": "crm.access",
        "event": "request",
        "request_id": "from-the-proxy",
        "user_id": me,
        "method": "GET",
        "route": "api/leads/<lead_id>",
        "status": 404,
        "queries": 2,
    }


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "é", "zen@quill.example", "+447700900123"])
def test_an_id_that_is_none_is_replaced(own_server: LiveServer, given: str) -> None:
    made = [own_server.send("GET", "/", headers={"X-Request-ID": given}).headers["x-request-id"] for _ in range(2)]
    assert len({*made, given}) == 3
    assert all(line_of(own_server, request_id)["user_id"] is None for request_id in made)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 200),
        ("GET", "/api/nothing", None, 404),
        ("GET", "/nothing", None, 404),
        ("GET", "/api/leads", None, 401),
        ("PUT", "/api/leads", None, 405),
        ("POST", "/api/users/login", b"{", 422),
        ("GET", "/static/api/docs.js", None, 200),
        ("GET", "/admin/", None, 302),
    ],
)
def test_every_reply_has_an_id(own_server: LiveServer, method: str, path: str, body: bytes | None, status: int) -> None:
    headers = {"Content-Type": "application/json"} if body else {}
    reply = own_server.send(method, path, body, headers)
    assert reply.status == status
    assert line_of(own_server, reply.headers["x-request-id"])["status"] == status


def test_a_refused_host_and_body_have_an_id(strict_server: LiveServer) -> None:
    replies = [
        strict_server.send("GET", "/", headers={"Host": "evil.example"}),
        strict_server.send("POST", "/api/leads", b"x" * 5000),
    ]
    assert [reply.status for reply in replies] == [400, 413]
    for reply in replies:
        assert line_of(strict_server, reply.headers["x-request-id"])["status"] == reply.status


def test_nothing_that_was_typed_gets_into_the_log(own_server: LiveServer) -> None:
    send = own_server.send
    name, password = f"{MARK}-agent", f"{MARK}-secret-password"
    account = {"username": name, "email": f"{MARK}@example.com", "password": password}
    names = {"first_name": f"{MARK} Ada", "last_name": MARK}
    replies = [send("POST", "/api/users/register", {**account, **names}) for _ in range(2)]
    replies.append(send("POST", "/api/users/login", {"username": name, "password": f"{password}-wrong"}))
    replies.append(send("POST", "/api/users/token", f"username={MARK}&password={password}".encode(), FORM))
    login = send("POST", "/api/users/login", account)
    token = login.json()["access_token"]
    keyed = {"Authorization": f"Bearer {token}", "Idempotency-Key": MARK, "User-Agent": MARK, "Cookie": f"a={MARK}"}
    lead = lead_row(**names, email=f"{MARK}@example.org", phone=PHONE, source=MARK, status=MARK, property_interest=MARK)
    replies += [send("POST", "/api/leads", lead, keyed) for _ in range(2)]
    replies.append(send("POST", "/api/leads", {**lead, "email": f"no {MARK} address"}, keyed))
    path = f"/api/leads/{replies[4].json()['id']}"
    replies.append(send("POST", f"{path}/activities", activity_row(title=MARK, notes=MARK, activity_type=MARK), keyed))
    replies.append(send("PUT", path, {"phone": f"+{PHONE}"}, {**keyed, "If-Match": f'"{MARK}"'}))
    replies.append(send("GET", f"/api/leads?q={MARK}&q={PHONE}&status={MARK}", headers=keyed))
    replies.append(send("GET", f"/api/leads/{MARK}@example.com", headers=keyed))
    replies.append(send("GET", f"/api/{MARK}/{PHONE}", headers=keyed))
    replies.append(send("GET", f"/admin/{MARK}/?q={MARK}", headers=keyed))
    replies.append(send("POST", "/admin/login/", f"username={MARK}&password={password}".encode(), {**FORM, **keyed}))
    replies.append(send("POST", "/api/leads", b'{"first_name": "%s' % MARK.encode(), keyed))
    replies.append(send("GET", "/", headers={"Host": f"{MARK}.example"}))
    replies.append(send("GET", "/api/leads", headers={"Authorization": f"Bearer {MARK}.{MARK}.{MARK}"}))
    assert [reply.status for reply in replies] == [
        *(201, 409, 401, 401),
        *(201, 201, 422, 201, 412, 200, 422, 404),
        *(302, 403, 422, 400, 401),
    ]
    log = own_server.log.read_text()
    assert [line for line in log.splitlines() if MARK in line or PHONE in line or token in line] == []
    assert all(reply.headers["x-request-id"] in log for reply in replies)


def test_access_lines_can_be_left_out() -> None:
    with serving(ACCESS_LOG="false") as server:
        assert server.send("GET", "/").headers["x-request-id"]
        assert server.stop() == 0
        assert [line for line in lines(server) if line["logger"] == "crm.access"] == []
