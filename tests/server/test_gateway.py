"""The WSGI middleware without a server: limits on concurrent requests, complete bodies and responses."""

import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from crm_project.http import gateway, request_bodies
from crm_project.http.errors import UNAVAILABLE_BECAUSE
from crm_project.http.gateway import Gateway
from crm_project.http.middleware import BODY_REFUSED

Environ = dict[str, Any]


@pytest.fixture(autouse=True)
def no_database() -> Iterator[None]:
    """Do not close database connections at the end of a response, like Django's test client."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


def environ(method: str = "GET", path: str = "/api/leads", body: Any = b"", **more: Any) -> Environ:
    """Return the environ of a request with that body."""
    stream = io.BytesIO(body) if isinstance(body, bytes) else body
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": stream, **more}


def posted(body: Any, length: int | None = None) -> Environ:
    """Return the environ of a POST; without a length, its body is chunked."""
    more = {"HTTP_TRANSFER_ENCODING": "chunked"} if length is None else {"CONTENT_LENGTH": str(length)}
    return environ("POST", body=body, **more)


class Django:
    """An application that records requests, and can be blocked."""

    def __init__(self, response: Callable[[], HttpResponseBase] = HttpResponse) -> None:
        self.response = response
        self.seen: list[Environ] = []
        self.entered, self.go_on = threading.Semaphore(0), threading.Event()
        self.go_on.set()

    def __call__(self, request: Environ, start_response: Any) -> HttpResponseBase:
        self.seen.append({**request, "body": request["wsgi.input"].read()})
        self.entered.release()
        assert self.go_on.wait(30)
        response = self.response()
        start_response(f"{response.status_code} X", list(response.items()))
        return response

    @property
    def refused(self) -> list[int]:
        """Return the error statuses of the requests; 0 is none."""
        return [request[BODY_REFUSED] for request in self.seen]


def run(front: Gateway, request: Environ) -> tuple[str, bytes]:
    """Return the status and the body of a response."""
    started: list[str] = []
    content = front(request, lambda status, headers, exc_info=None: started.append(status))
    body = b"".join(content)
    if close := getattr(content, "close", None):
        close()
    return started[-1], body


class Silent:
    """A body that does not arrive before the end of the test."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def read(self, size: int) -> bytes:
        """Block, and return no bytes at the end."""
        assert self.over.wait(30)
        return b""


@pytest.fixture
def silent() -> Iterator[Silent]:
    """Yield a body that blocks, until the end of the test."""
    body = Silent()
    yield body
    body.over.set()


@pytest.fixture
def background(silent: Silent) -> Iterator[Callable[[Gateway, Environ], threading.Thread]]:
    """Return a function that runs requests in threads, which are joined at the end of the test."""
    threads: list[threading.Thread] = []

    def start(front: Gateway, request: Environ) -> threading.Thread:
        thread = threading.Thread(target=run, args=(front, request))
        threads.append(thread)
        thread.start()
        return thread

    yield start
    silent.over.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_a_chunked_body_gets_its_length() -> None:
    django = Django()
    assert run(Gateway(django, 2, 1), posted(b"hello"))[0] == "200 X"
    (seen,) = django.seen
    assert (seen["CONTENT_LENGTH"], seen["body"]) == ("5", b"hello")
    assert "HTTP_TRANSFER_ENCODING" not in seen


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        (posted(b"12345", 5), 0),
        (posted(b"123", 5), 400),
        (posted(b"x" * 2000), 413),
        (posted(b"x" * 2000, 2000), 413),
        (posted(b"x" * 1024, 1024), 0),
    ],
)
def test_bodies_that_are_refused(settings: Any, request_: Environ, refused: int) -> None:
    settings.BODY_MAX_BYTES = 1024
    django = Django()
    front = Gateway(django, 2, 1)
    run(front, request_)
    assert django.refused == [refused]
    assert refused == 0 or django.seen[0]["wsgi.input"].read() == b""
    assert front.bodies.total == 0


def test_too_many_bytes_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "MAX_TOTAL", 4)
    django = Django()
    front = Gateway(django, 2, 1)
    run(front, posted(b"hello", 5))
    assert django.refused == [503]
    assert front.bodies.total == 0


def test_silent_bodies_do_not_take_all_threads(
    monkeypatch: pytest.MonkeyPatch, silent: Silent, background: Any
) -> None:
    """More bodies than the limit are a 503; requests without a body continue."""
    monkeypatch.setattr(gateway, "BODY_SLOTS", 2)
    django = Django()
    front = Gateway(django, 1, 5)
    for _ in range(2):
        background(front, posted(silent, 10))
    while front.bodies.slots.acquire(blocking=False):  # until both are at it
        front.bodies.slots.release()
    assert run(front, environ())[0] == "200 X"
    run(front, posted(b"hello", 5))
    assert django.refused == [0, 503]
    silent.over.set()
    while not front.bodies.slots.acquire(blocking=False):
        assert all(refused in (0, 400, 503) for refused in django.refused)
    front.bodies.slots.release()
    run(front, posted(b"hello", 5))
    assert django.refused[-1] == 0


def test_reads_do_not_wait_behind_writes(background: Any) -> None:
    django = Django()
    django.go_on.clear()
    front = Gateway(django, 2, 30)
    for _ in range(3):
        background(front, environ("DELETE"))
    assert django.entered.acquire(timeout=30)
    background(front, environ())
    assert django.entered.acquire(timeout=30)
    assert [request["REQUEST_METHOD"] for request in django.seen] == ["DELETE", "GET"]
    assert run_health(django, front) == 0
    django.go_on.set()


def run_health(django: Django, front: Gateway) -> int:
    """Return the error status of a health check while all slots are taken, or 0."""
    waits, django.go_on = django.go_on, threading.Event()
    django.go_on.set()
    run(front, environ(path="/health/live"))
    django.go_on = waits
    return int(django.refused[-1])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_waits_too_long_is_refused(method: str, background: Any) -> None:
    django = Django()
    django.go_on.clear()
    load: list[tuple[str, int]] = []
    front = Gateway(django, 1, 0.05, lambda *change: load.append(change))
    background(front, environ())
    assert django.entered.acquire(timeout=30)
    refused = environ(method)
    late = background(front, refused)
    assert django.entered.acquire(timeout=30)
    assert load == [("busy", 1), ("waiting", 1), ("waiting", -1)]
    django.go_on.set()
    late.join(30)
    assert django.refused == [0, 503]
    assert refused[UNAVAILABLE_BECAUSE] == "no_thread"
    assert run(front, environ(method))[0] == "200 X"
    assert django.refused[-1] == 0


def test_an_exception_out_of_django_itself_is_a_json_500(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> HttpResponse:
        raise RuntimeError("the inside")

    status, body = run(Gateway(Django(fail), 1, 1), environ())
    assert (status, body) == ("500 Internal Server Error", b'{"detail":"Internal Server Error"}')
    assert "the inside" in caplog.text  # the log has it, the client has not


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_stream_arrives_whole_and_is_closed(size: int) -> None:
    response = StreamingHttpResponse((b"x" * 10 for _ in range(size // 10)), content_type="text/csv")
    status, body = run(Gateway(Django(lambda: response), 1, 1), environ())
    assert (status, len(body)) == ("200 X", size)
    assert response.closed


def test_a_stream_that_fails_halfway_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    def rows() -> Iterator[bytes]:
        yield b"x" * 3_000_000
        raise OSError("disk")

    response = StreamingHttpResponse(rows())
    front = Gateway(Django(lambda: response), 1, 1)
    status, body = run(front, environ())
    assert (status, body) == ("500 Internal Server Error", b'{"detail":"Internal Server Error"}')
    assert response.closed
    assert "disk" in caplog.text
    assert run(Gateway(Django(), 1, 1), environ())[0] == "200 X"


def test_large_replies_that_nobody_reads_do_not_take_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """More large responses than the limit are a 503; small ones continue, and reading one frees a slot."""
    monkeypatch.setattr(gateway, "RESPONSE_SLOTS", 2)
    sizes = iter([3_000_000, 3_000_000, 3_000_000, 10, 3_000_000])

    def response() -> HttpResponseBase:
        return HttpResponse() if django.refused[-1] else StreamingHttpResponse(iter([b"x" * next(sizes)]))

    django = Django(response)
    front = Gateway(django, 1, 0)
    unread: list[Any] = [front(environ(), lambda *args: None) for _ in range(2)]
    assert run(front, environ())[1] == b""
    assert django.refused[-1] == 503
    assert run(front, environ())[1] == b"x" * 10
    for reply in unread:
        reply.close()
        reply.close()  # counts once
    assert len(run(front, environ())[1]) == 3_000_000
    assert django.refused[-1] == 0
    assert front.large_responses.acquire(blocking=False)


def test_a_stream_that_nobody_reads_keeps_no_place() -> None:
    front = Gateway(Django(lambda: StreamingHttpResponse(iter([b"x" * 3_000_000]))), 1, 0)
    unread = front(environ(), lambda *args: None)
    assert len(run(front, environ())[1]) == 3_000_000
    unread.close()  # type: ignore[attr-defined]
