"""The front itself, where a real connection cannot show it: what Django gets to see, and what it may do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from crm_project import bodies, replies, server
from crm_project.api.middleware import BODY_REFUSED
from crm_project.environ import Headers

Environ = dict[str, Any]


class Exchange:
    """granian's side of a request, in memory."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.replies: list[tuple[int, dict[str, str], bytes]] = []

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in (*self.chunks, b""):
            yield chunk

    async def __call__(self) -> bytes:
        return b"".join(self.chunks)

    def response_empty(self, status: int, headers: Headers) -> None:
        self.replies.append((status, dict(headers), b""))

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self.replies.append((status, dict(headers), body))

    def response_file(self, status: int, headers: Headers, file: str) -> None:
        with open(file, "rb") as content:
            self.replies.append((status, dict(headers), content.read()))


Run = Callable[..., tuple[tuple[int, dict[str, str], bytes], list[Environ]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """One request through the front to a Django that gives ``response``; the reply, and the environs Django saw."""
    front = server.Server()

    def serve(response: Any, *chunks: bytes, **scope: Any) -> Any:
        seen: list[Environ] = []

        def django(environ: Environ, start_response: Callable[..., None]) -> HttpResponseBase:
            seen.append(environ)
            if isinstance(response, Exception):
                raise response
            start_response(f"{response.status_code} X", list(response.items()))
            return response

        monkeypatch.setattr(replies, "django", django)
        monkeypatch.setattr(replies, "FILE_GRACE", 0)
        exchange = Exchange(*chunks)
        asyncio.run(_serve(front, request(**scope), exchange))
        assert front.bodies.held == 0
        (reply,) = exchange.replies
        return reply, seen

    yield serve
    front.threads.shutdown()


async def _serve(front: server.Server, scope: Any, exchange: Exchange) -> None:
    await front.__rsgi__(scope, exchange)
    await asyncio.sleep(0)  # the loop's next turn closes the file of a large reply


def request(**scope: Any) -> Any:
    """What granian says about a request."""
    defaults = {
        "method": "GET",
        "path": "/",
        "query_string": "",
        "http_version": "1.1",
        "scheme": "http",
        "server": "127.0.0.1:8000",
        "client": "10.0.0.7:51000",
        "headers": [],
    }
    given = {**defaults, **scope}
    names = [name for name, _ in given["headers"]]
    headers = SimpleNamespace(items=lambda: list(given["headers"]), keys=lambda: names)
    return SimpleNamespace(**{**given, "headers": headers})


def test_the_environ(run: Run) -> None:
    headers = [
        ("host", "crm.example"),
        ("content-type", "text/csv"),
        ("content-length", "5"),
        ("accept", "text/html"),
        ("accept", "*/*"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x_forwarded_proto", "https"),
    ]
    scope = {"method": "POST", "path": "/café", "query_string": "q=1", "client": "[::1]:5", "headers": headers}
    _, [environ] = run(HttpResponse(b"ok"), b"he", b"llo", **scope)
    assert environ["PATH_INFO"] == "/café".encode().decode("latin-1")
    assert environ["REMOTE_ADDR"] == "::1"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/csv", "5")
    assert environ["HTTP_ACCEPT"] == "text/html,*/*"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert "HTTP_X_FORWARDED_PROTO" not in environ  # only the header with hyphens is the proxy's
    assert environ["wsgi.input"].read() == b"hello"


def test_a_chunked_body_gets_its_length(run: Run) -> None:
    _, [environ] = run(HttpResponse(b"ok"), b"he", b"llo", headers=[("transfer-encoding", "chunked")])
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_too_many_bodies_at_once_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_HELD", 4)
    _, [environ] = run(HttpResponse(b"ok"), b"he", b"llo", headers=[("content-length", "5")])
    assert environ[BODY_REFUSED] == 503
    assert environ["wsgi.input"].read() == b""


def test_an_exception_out_of_django_itself_is_a_json_500(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    (status, headers, body), _ = run(RuntimeError("the inside"))
    assert (status, headers["content-type"]) == (500, "application/json")
    assert body == b'{"detail":"Internal Server Error"}'
    assert "the inside" in caplog.text  # the log has it, the client has not


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
def test_a_stream_arrives_whole_and_is_closed(run: Run, size: int) -> None:
    response = StreamingHttpResponse((b"x" * 10 for _ in range(size // 10)), content_type="text/csv")
    (status, headers, body), _ = run(response)
    assert (status, headers["Content-Type"], len(body)) == (200, "text/csv", size)
    assert response.closed


def test_a_stream_that_fails_halfway_is_a_500(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def rows() -> Iterator[bytes]:
        yield b"x" * 3_000_000
        raise OSError("disk")

    response = StreamingHttpResponse(rows())
    (status, _, body), _ = run(response)
    assert (status, body) == (500, b'{"detail":"Internal Server Error"}')
    assert response.closed
    assert "disk" in caplog.text
