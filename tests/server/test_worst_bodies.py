"""The most expensive bodies: rejected, and without much memory."""

import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.factories import lead_row
from tests.live import LiveServer, serving

pytestmark = [pytest.mark.any_database, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MAX = 200  # MB that one request may take of a worker
SIZE = (16 << 20) - 64  # bytes; all that a body may have


def filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    """Repeat a unit up to the maximum size of a body."""
    return start + unit * ((SIZE - len(start) - len(end)) // len(unit)) + end


def keys() -> bytes:
    """Return an object with different names."""
    return b"{" + b",".join(b'"%x":0' % number for number in range(1_500_000)) + b"}"


def nests() -> bytes:
    """Return nested lists of the maximum depth, with few commas."""
    return filled(b"[", b"[" * 1000 + b"]" * 1000 + b",", b"[]]")


BODIES: dict[str, tuple[Callable[[], bytes], set[int]]] = {
    "open brackets": (lambda: b"[" * SIZE, {422}),
    "brackets": (lambda: b"[" * (SIZE // 2) + b"]" * (SIZE // 2), {422}),
    "a million elements": (lambda: b"[" + b"0," * 999_999 + b"0]", {413}),
    "numbers": (lambda: filled(b"[", b"0,", b"0]"), {413}),
    "empty lists": (lambda: filled(b"[", b"[],", b"[]]"), {413}),
    "empty objects in a field": (lambda: filled(b'{"first_name":[', b"{},", b"{}]}"), {413}),
    "deep lists": (nests, {422}),
    "texts": (lambda: filled(b'{"x":[', b'"",', b'""]}'), {413}),
    "escaped texts": (lambda: filled(b'{"x":[', b'"\\u00e9",', b'""]}'), {413}),
    "quotation marks": (lambda: filled(b'{"x":"', b'\\"', b'"}'), {422}),
    "names": (keys, {413}),
    "one name": (lambda: filled(b"{", b'"a":0,', b'"a":0}'), {413}),
    "one text": (lambda: filled(b'{"first_name":"', b"x", b'"}'), {422}),
    "one text of emoji": (lambda: filled(b'{"first_name":"', "😀".encode(), b'"}'), {422}),
    "half a letter and a long text": (lambda: filled(b'{"email":"\\ud800","first_name":"', b"x", b'"}'), {422}),
    "no UTF-8": (lambda: filled(b'{"first_name":"', b"\xff", b'"}'), {422}),
    "digits": (lambda: filled(b'{"budget_min":', b"9", b"}"), {422}),
    "commas in a text": (lambda: filled(b'{"first_name":"', b",[{", b'"}'), {422}),
    "bad rows": (lambda: json.dumps([{"first_name": "x" * 1500}] * 10_000).encode(), {422}),
    "good rows": (
        lambda: json.dumps([lead_row(property_interest="a, b" * 300) for _ in range(10_000)]).encode(),
        {201},
    ),
}


@pytest.fixture(scope="module")
def single() -> Iterator[LiveServer]:
    """Yield a server with one worker, so that its memory can be measured."""
    with serving(WORKERS="1") as running:
        yield running


@pytest.fixture(scope="module")
def token(single: LiveServer) -> dict[str, str]:
    """Return the headers of an agent."""
    return {**single.token(), "Content-Type": "application/json"}


def worker(server: LiveServer) -> int:
    """Return the process id of the only worker."""
    (found,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return int(found)


def memory(pid: int, what: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (at most since it was reset) of a process, in MB."""
    found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


def grown(server: LiveServer, send: Callable[[], int]) -> tuple[int, int]:
    """Return the status and the maximum growth of the worker, which must not be replaced."""
    pid = worker(server)
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    before = memory(pid, "VmRSS")
    status = send()
    assert worker(server) == pid
    return status, memory(pid, "VmHWM") - before


@pytest.mark.parametrize("kind", BODIES)
def test_no_body_takes_much_memory(single: LiveServer, token: dict[str, str], kind: str) -> None:
    make, expected = BODIES[kind]
    body = make()
    status, megabytes = grown(single, lambda: single.send("POST", "/api/leads", body, token).status)
    assert status in expected
    assert megabytes < MAX
    if expected != {201}:  # what takes no token takes no more memory
        status, megabytes = grown(single, lambda: single.send("POST", "/api/users/register", body, token).status)
        assert status in {413, 422}
        assert megabytes < MAX


@pytest.mark.parametrize("kind", ["open brackets", "empty lists", "one text of emoji"])
def test_nor_does_one_that_comes_in_pieces(single: LiveServer, token: dict[str, str], kind: str) -> None:
    body = BODIES[kind][0]()
    pieces = (body[start : start + 50_000] for start in range(0, len(body), 50_000))
    status, megabytes = grown(single, lambda: single.send("POST", "/api/leads", pieces, token).status)
    assert status in {413, 422}
    assert megabytes < MAX


def forms() -> dict[str, tuple[str, bytes]]:
    """Bodies that are forms."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    return {
        "fields": ("application/x-www-form-urlencoded", filled(b"", b"a=1&", b"a=1")),
        "names without values": ("application/x-www-form-urlencoded", filled(b"", b"&", b"a")),
        "one value": ("application/x-www-form-urlencoded", filled(b"username=", b"%41", b"&password=x")),
        "the longest value": ("application/x-www-form-urlencoded", b"password=x&username=" + b"%41" * 349_000),
        "parts": ("multipart/form-data; boundary=x", filled(b"", part, b"--x--\r\n")),
        "a part that never ends": ("multipart/form-data; boundary=x", filled(part[:-3], b"\r\n-", b"")),
    }


@pytest.mark.parametrize("path", ["/api/users/token", "/admin/login/"])
@pytest.mark.parametrize("kind", list(forms()))
def test_forms(single: LiveServer, path: str, kind: str) -> None:
    content_type, body = forms()[kind]
    # With a cookie, or the back office's forms would not even be read.
    headers = {"Content-Type": content_type, "Cookie": f"csrftoken={'a' * 32}", "X-CSRFToken": "b" * 32}
    status, megabytes = grown(single, lambda: single.send("POST", path, body, headers).status)
    assert 400 <= status < 500
    assert megabytes < MAX


def test_a_bomb_is_no_body(single: LiveServer, token: dict[str, str]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"\0" * (64 << 20))
    for encoding in ("gzip", "deflate", "br", "zstd"):
        headers = {**token, "Content-Encoding": encoding}
        status, megabytes = grown(single, lambda: single.send("POST", "/api/leads", packed.getvalue(), headers).status)  # noqa: B023
        assert status == 422  # read as the JSON it is not: nothing unpacks bodies
        assert megabytes < 20
