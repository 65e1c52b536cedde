"""Texts that are expensive to normalize: cheap at every endpoint, and other requests are served."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from crm_project.http.middleware import MAX_FORM
from tests.factories import lead_row
from tests.live import LiveServer, Reply, serving
from tests.server.test_logs_everywhere import Browser, manage
from users.back_office.small_forms import MAX_BYTES

pytestmark = [pytest.mark.any_database, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MAX_SECONDS = 1.0  # of CPU time for one reply
MAX_GROWTH = 200  # MB that one request may take of a worker
PASSWORD = "a long enough password"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
MAIL = {"EMAIL_URL": "console:", "EMAIL_FROM": "crm@example.com"}  # so that a forgotten password can be replaced
CSRF = {"Cookie": f"csrftoken={'a' * 32}", "X-CSRFToken": "a" * 32}

# What a text is made of, for a length in bytes of UTF-8.
TEXTS: dict[str, Callable[[int], str]] = {
    "a ligature of eighteen letters": lambda size: "\ufdfa" * (size // 3),
    "marks out of order": lambda size: "a" + "\u0315" * (size // 4) + "\u0300" * (size // 4 - 1),
    "marks that are two marks": lambda size: "a" + "\u0344" * (size // 2 - 1),
    "both": lambda size: "\u0315" * (size // 4) + "\u0344" * (size // 4),
    "syllables in parts": lambda size: "\u1100\u1161\u11a8" * (size // 9),
    "musical notes": lambda size: "\U0001d160" * (size // 4),
    "a capital that is two letters": lambda size: "\u0130" * (size // 2),
    "quotation marks": lambda size: '"' * size,
    "words of one letter": lambda size: "a " * (size // 2),
}
LARGE = ("a ligature of eighteen letters", "marks out of order", "both", "quotation marks")
ANONYMOUS = (16 << 20) - 4096  # bytes: nearly all that a body may have
SIGNED_IN = 64 << 10


@pytest.fixture(scope="module")
def single() -> Iterator[LiveServer]:
    """Yield a server with one worker, so that its memory can be measured. Each client has another address."""
    reachable = {"TRUSTED_PROXIES": "127.0.0.1", "REQUIRE_SECOND_FACTOR": "nobody"}
    with serving(WORKERS="1", **reachable, **MAIL) as running:
        yield running


@pytest.fixture(scope="module")
def boss(single: LiveServer) -> Browser:
    """Return a superuser's browser."""
    account = {"USERNAME": "boss", "EMAIL": "boss@example.com", "PASSWORD": PASSWORD}
    manage(single, "createsuperuser", "--noinput", **{f"DJANGO_SUPERUSER_{k}": v for k, v in account.items()})
    browser = Browser(single)
    assert browser.log_in("boss", PASSWORD).status == 302
    return browser


def processes(server: LiveServer) -> list[int]:
    """Return the server's processes."""
    found, seen = [server.process.pid], []
    while found:
        pid = found.pop()
        seen.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return seen


def seconds(server: LiveServer) -> float:
    """Return the CPU time of the server and its former processes."""
    stats = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in processes(server))
    return sum(sum(map(int, stat[11:15])) for stat in stats) / os.sysconf("SC_CLK_TCK")


def memory(server: LiveServer, what: str) -> dict[int, int]:
    """``VmRSS`` (now) or ``VmHWM`` (at most since it was reset) of the processes, in MB."""
    found = {}
    for pid in processes(server):
        match = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        assert match
        found[pid] = int(match[1]) // 1024
    return found


def costs_little(server: LiveServer, send: Callable[[], int], expected: set[int]) -> None:
    """Return the response, CPU time and memory of a request; a small request at the same time must be served."""
    for pid in processes(server):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    before, spent = memory(server, "VmRSS"), seconds(server)
    with ThreadPoolExecutor(1) as other:
        sent = other.submit(send)
        assert server.send("GET", "/health/live").status == 200
        status = sent.result()
    spent = seconds(server) - spent
    assert status in expected
    assert spent < MAX_SECONDS
    grown = {pid: most - before.get(pid, 0) for pid, most in memory(server, "VmHWM").items()}
    assert max(grown.values()) < MAX_GROWTH


def multipart(fields: dict[str, str]) -> bytes:
    """Return a form in parts."""
    parts = (f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items())
    return ("".join(parts) + "--x--\r\n").encode()


def in_json(fields: dict[str, str]) -> bytes:
    """Return a JSON body whose text is not escaped."""
    return json.dumps(fields, ensure_ascii=False).encode()


def bodies(text: str) -> Iterator[tuple[str, str, bytes, int]]:
    """Return the requests that need no token: path, type, body and expected status."""
    account = {"username": "new", "email": "new@example.com", "password": PASSWORD, "first_name": "", "last_name": ""}
    for name in ("username", "password"):
        login = {"username": "nobody", "password": "wrong password", name: text}
        yield "/api/users/login", JSON, in_json(login), 401
        yield "/api/users/token", MULTIPART, multipart(login), 401
        yield "/admin/login/", MULTIPART, multipart({**login, "next": "/admin/"}), 413
        short = urlencode({**login, name: text[: MAX_FORM // 13]}).encode()  # twelve bytes a character at most
        yield "/api/users/token", FORM, short, 401
        shorter = urlencode({**login, name: text[: MAX_BYTES // 13]}).encode()
        yield "/admin/login/", FORM, shorter, 200
    for page in ("forgot-password/", "login/code/", "set-password/MQ/x/"):
        yield f"/admin/{page}", MULTIPART, multipart({"email": text, "code": text, "new_password1": text}), 413
    yield "/admin/forgot-password/", FORM, urlencode({"email": text[: MAX_BYTES // 13]}).encode(), 200
    yield "/admin/login/", MULTIPART, multipart({"username": "a", "password": "b", "next": f"/{text}"}), 413
    yield "/api/users/token", MULTIPART, multipart({"grant_type": text, "username": "a", "password": "b"}), 422
    yield "/api/users/token/refresh", JSON, in_json({"refresh_token": text}), 401
    for name in account:
        yield "/api/users/register", JSON, in_json({**account, name: text}), 422


@pytest.mark.parametrize("kind", LARGE)
def test_without_a_token(single: LiveServer, kind: str) -> None:
    text = TEXTS[kind](ANONYMOUS // (2 if kind == "quotation marks" else 1))  # which JSON escapes
    for number, (path, content_type, body, expected) in enumerate(bodies(text)):
        headers = {"Content-Type": content_type, "X-Forwarded-For": f"10.0.{list(TEXTS).index(kind)}.{number}", **CSRF}
        costs_little(single, lambda: single.send("POST", path, body, headers).status, {expected})  # noqa: B023


@pytest.mark.parametrize("kind", TEXTS)
def test_with_a_token(single: LiveServer, boss: Browser, kind: str) -> None:
    token = single.token()
    text = TEXTS[kind](SIGNED_IN // 4)  # three bytes of a URL for each one, and no longer than the server's line
    for name, expected in (("source", 200), ("status", 200), ("q", 422)):
        path = f"/api/leads?{urlencode({name: text})}"
        costs_little(single, lambda: single.send("GET", path, headers=token).status, {expected})  # noqa: B023
    for page in ("leads/lead/", "users/user/"):
        costs_little(single, lambda: boss.get(f"{page}?{urlencode({'q': text})}").status, {200})  # noqa: B023
    text = TEXTS[kind](SIGNED_IN)
    costs_little(single, lambda: boss.post("personal-data/", {"email": text}).status, {200})
    costs_little(single, lambda: boss.post("personal-data/", {"email": f"{text}@example.com"}).status, {200})
    erase = {"email": "ada@example.com", "typed": text, "agreed": text}
    costs_little(single, lambda: boss.post("personal-data/erase/", erase).status, {200, 302})


@pytest.mark.parametrize("kind", TEXTS)
def test_files(single: LiveServer, boss: Browser, kind: str) -> None:
    """Headers of an import, and cells of rows with errors, which the export of personal data searches."""
    replies: list[Reply] = []

    def costs(step: Callable[[], Reply], expected: int) -> None:
        def send() -> int:
            replies.append(step())
            return replies[-1].status

        costs_little(single, send, {expected})

    def next_page() -> str:
        return replies[-1].headers["location"].removeprefix("/admin/")

    text = TEXTS[kind](SIGNED_IN).replace('"', "'")
    columns = ",".join(["First Name", "Email", text[: SIGNED_IN // 8], *(text[:1000] + str(n) for n in range(20))])
    costs(lambda: boss.upload("leads/importrun/add/", "headers.csv", f"{columns}\nAda,{'x,' * 20}\n"), 302)
    costs(lambda: boss.get(next_page()), 200)

    lead = lead_row(first_name="A" * 150, last_name="a" * 150, email="a" * 64 + "@example.com", phone="1" * 20)
    assert single.send("POST", "/api/leads", lead, single.token()).status == 201
    rows = f'First Name,Email,Phone,Notes\n"{text}",no address,1,\n'
    costs(lambda: boss.upload("leads/importrun/add/", "rows.csv", rows), 302)
    review = next_page()
    costs(lambda: boss.get(review), 200)
    settings = {"on_duplicate": "create", "on_error": "skip"}
    assert boss.post(review, {**settings, "check": "1"}).status in {200, 302}  # by a process of its own, as the next
    assert "change/" in boss.post(review, {**settings, "import": "1"}).headers["location"]
    for page in ("personal-data/", "personal-data/download/", "personal-data/erase/"):
        costs(lambda: boss.post(page, {"email": lead["email"]}), 200)  # noqa: B023
    delete = "from leads.models import ImportRun\nfor run in ImportRun.objects.all(): run.delete_files()"
    manage(single, "shell", "-c", delete)  # the next kind is searched alone
