"""Requests that need nothing awaited: served without the event loop, as others are with it."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from granian import _futures as granian
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from crm_project import memory, shortcut
from crm_project.bodies import SMALL
from crm_project.server import Server
from tests.live import LiveServer
from tests.server.wire import last_reply


class Headers(dict[str, str]):
    """A request's headers as granian gives them."""

    def items(self) -> Any:
        """A list, as granian has it."""
        return list(super().items())


class Exchange:
    """The other side: what it was replied, once it was."""

    def __init__(self) -> None:
        self.replied = threading.Event()
        self.status = 0
        self.body: Future[bytes] = Future()

    def __call__(self) -> Any:
        """The body, which may be still to come; of granian's, a coroutine can wait for it as well."""
        return Body(self.body)

    def response_bytes(self, status: int, headers: Any, body: bytes) -> None:
        """A reply with a body."""
        self.status = status
        self.replied.set()


class Body:
    """One that a thread may look at and a coroutine may await."""

    def __init__(self, future: "Future[bytes]") -> None:
        self.done, self.result, self.future = future.done, future.result, future

    def __await__(self) -> Any:
        return asyncio.wrap_future(self.future).__await__()


class Watcher(SimpleNamespace):
    """granian's, of one request."""

    ended = False
    error: BaseException | None = None

    def done(self) -> None:
        """All is said."""
        self.ended = True

    def taskref(self, task: Any) -> None:
        """A task serves it from now on."""
        self.on_the_loop.set()

    def err(self, error: BaseException) -> None:
        """It went wrong."""
        self.error = error
        self.proto.replied.set()


def request(method: str = "GET", path: str = "/api/nowhere", **headers: str) -> Watcher:
    """One that has come in."""
    named = {name.replace("_", "-"): value for name, value in {"host": "localhost", **headers}.items()}
    address = {"server": "127.0.0.1:8000", "client": "127.0.0.1:4711", "scheme": "http", "http_version": "1.1"}
    scope = SimpleNamespace(method=method, path=path, query_string="", headers=Headers(named), **address)
    return Watcher(scope=scope, proto=Exchange(), on_the_loop=threading.Event())


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``offered(watcher)``: what granian's own thread does with a request; a list of those left to the loop."""
    usual: list[Watcher] = []
    monkeypatch.setattr(granian, shortcut.NAME, lambda loop, context, callback: usual.append)
    server = Server()
    server.loop = asyncio.new_event_loop()
    assert shortcut.hand_over(server.take)
    schedule = getattr(granian, shortcut.NAME)(server.loop, None, None)

    def offer(watcher: Watcher) -> list[Watcher]:
        schedule(watcher)
        return usual

    offer.server = server  # type: ignore[attr-defined]
    yield offer
    server.loop.close()


def test_granian_still_has_the_way() -> None:
    assert callable(getattr(granian, shortcut.NAME))


def test_another_granian_gets_all_by_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(granian, shortcut.NAME)
    assert not shortcut.hand_over(Server().take)


def test_a_read_is_replied_to_while_the_loop_does_nothing(offered: Any) -> None:
    watcher = request()
    assert offered(watcher) == []
    assert watcher.proto.replied.wait(30)
    assert (watcher.proto.status, watcher.error) == (404, None)


@pytest.mark.parametrize(
    "watcher",
    [
        request("POST", content_length=str(SMALL + 1)),
        request(content_length="3"),
        request(transfer_encoding="chunked"),
        request(path="/health/live"),
    ],
)
def test_what_must_await_something_is_left_to_the_loop(offered: Any, watcher: Watcher) -> None:
    assert offered(watcher) == [watcher]


@pytest.fixture
def loop_runs(offered: Any) -> Iterator[None]:
    """The loop does what it is given."""
    thread = threading.Thread(target=offered.server.loop.run_forever)
    thread.start()
    yield
    offered.server.loop.call_soon_threadsafe(offered.server.loop.stop)
    thread.join()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_write_whose_body_is_there_needs_no_loop(offered: Any, method: str) -> None:
    watcher = request(method, content_length="2")
    watcher.proto.body.set_result(b"{}")
    assert offered(watcher) == []
    assert watcher.proto.replied.wait(30)
    assert (watcher.proto.status, watcher.error) == (404, None)
    assert offered.server.turns.free == offered.server.threads.size - 1


def test_one_without_a_body_needs_none_either(offered: Any) -> None:
    watcher = request("DELETE")
    assert offered(watcher) == []
    assert watcher.proto.replied.wait(30)
    assert (watcher.proto.status, watcher.error) == (404, None)


def test_a_body_that_comes_later_is_awaited_on_the_loop(offered: Any, loop_runs: None) -> None:
    late = request("POST", content_length="2")
    assert offered(late) == []
    assert late.on_the_loop.wait(30)
    assert not late.proto.replied.is_set()
    late.proto.body.set_result(b"{}")
    assert late.proto.replied.wait(30)
    assert (late.proto.status, late.error) == (404, None)


def test_a_body_that_broke_off_is_a_400(offered: Any) -> None:
    watcher = request("POST", path="/api/leads", content_length="2")
    watcher.proto.body.set_exception(ProtocolClosed())
    offered(watcher)
    assert watcher.proto.replied.wait(30)
    assert watcher.proto.status == 400


def test_a_write_waits_for_its_turn_on_the_loop(offered: Any, loop_runs: None) -> None:
    turns = offered.server.turns
    taken = sum(iter(turns.begin, False))
    assert taken == offered.server.threads.size - 1
    watcher = request("DELETE")
    assert offered(watcher) == []
    assert watcher.on_the_loop.wait(30)
    assert not watcher.proto.replied.is_set()
    turns.end()
    assert watcher.proto.replied.wait(30)
    assert (watcher.proto.status, watcher.error) == (404, None)
    for _ in range(taken - 1):
        turns.end()
    assert turns.free == taken


@pytest.mark.parametrize(("path", "tidied"), [("/openapi.json", True), ("/api/nowhere", False)])
def test_memory_is_given_back_after_large_replies(
    offered: Any, loop_runs: None, monkeypatch: pytest.MonkeyPatch, path: str, tidied: bool
) -> None:
    given_back = threading.Event()
    monkeypatch.setattr(memory, "give_back", given_back.set)
    watchers = [request(path=path), request(path=path)]
    for watcher in watchers:
        offered(watcher)
        assert watcher.proto.replied.wait(30)
    assert given_back.wait(30) if tidied else not offered.server.tidying


def test_what_goes_wrong_is_left_to_granian(offered: Any) -> None:
    watcher = request(path="/\ud800")  # which no path of granian's is
    offered(watcher)
    assert watcher.proto.replied.wait(30)
    assert isinstance(watcher.error, UnicodeEncodeError)
    assert not watcher.ended


def test_many_at_once_get_each_their_own(server: LiveServer) -> None:
    token = server.token()
    ids = [f"mine-{number}" for number in range(200)]

    def own(name: str) -> str:
        return server.send("GET", "/api/users/me", headers={**token, "X-Request-ID": name}).headers["x-request-id"]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(own, ids)) == ids


def test_one_connection_gets_its_replies_in_order(server: LiveServer) -> None:
    with server.connect() as connection:
        for path in ("/api/nowhere", "/", "/api/leads", "/openapi.json"):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: {path}\r\n\r\n".encode())
        connection.sendall(b"GET /docs HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        reply = last_reply(connection)
    later = [line.split(b"\r\n")[0].decode() for line in reply.body.split(b"x-request-id: ")[1:]]
    assert [reply.headers["x-request-id"], *later[:3]] == ["/api/nowhere", "/", "/api/leads", "/openapi.json"]
