"""Two machines, one database, separate folders: an upload on one is reviewed, imported and erased on the other."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live import LiveServer, migrated_database, serving
from tests.server.test_logs_everywhere import Browser, manage

PASSWORD = "two-Machines-1"
ROWS = "First Name,Last Name,Email,Phone\nAda,Lovelace,ada@example.com,1\nZerelda,Quux,zq@example.com..x,2\n"
LARGE = 100 << 20  # bytes
GROWTH = 48 << 10  # KiB; a process with the file in memory would grow by more than twice as much


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LiveServer]]:
    """Yield two servers with folders of their own for temporary files."""
    with ExitStack() as stack:
        url = stack.enter_context(migrated_database())
        folders = [tmp_path_factory.mktemp(name) for name in "ab"]
        options = {"DATABASE_URL": url, "WORKERS": "1", "BODY_MAX_BYTES": str(LARGE + (1 << 20))}
        yield [stack.enter_context(serving(TMPDIR=str(folder), **options)) for folder in folders]
        assert [path.name for folder in folders for path in folder.rglob("*.csv")] == []


@pytest.fixture(scope="module")
def browsers(machines: list[LiveServer]) -> list[Browser]:
    """Return a superuser's browser, which talks to one machine and to the other."""
    account = {"USERNAME": "boss", "EMAIL": "boss@example.com", "PASSWORD": PASSWORD}
    manage(machines[0], "createsuperuser", "--noinput", **{f"DJANGO_SUPERUSER_{k}": v for k, v in account.items()})
    browsers = [Browser(machine) for machine in machines]
    assert browsers[0].log_in("boss", PASSWORD).status == 302
    browsers[1].cookies = browsers[0].cookies
    return browsers


def test_an_upload_on_one_machine_is_imported_and_erased_on_the_other(
    machines: list[LiveServer], browsers: list[Browser]
) -> None:
    a, b = browsers
    review = a.upload("leads/importrun/add/", "fair.csv", ROWS).headers["location"].removeprefix("/admin/")
    assert b"ada@example.com" in b.get(review).body
    plan = {"on_duplicate": "create", "on_error": "skip"}
    assert b.post(review, {**plan, "check": "1"}).status == 302
    run = b.post(review, {**plan, "import": "1", "attempt": "0"}).headers["location"].removeprefix("/admin/")
    assert "change/" in run
    assert a.get(review).headers["location"] == f"/admin/{run}"
    rejects = run.replace("change/", "rejects/")
    assert all(b"zq@example.com..x" in browser.get(rejects).body for browser in browsers)
    waiting = a.upload("leads/importrun/add/", "next.csv", ROWS.replace("Ada", "Eve")).headers["location"]
    person = {"first_name": "Zerelda", "last_name": "Quux", "email": "zq@example.com", "phone": "2"}
    assert machines[0].send("POST", "/api/leads", person, machines[0].token()).status == 201
    manage(machines[1], "erase_person", "zq@example.com", "--yes")
    assert a.get(waiting.removeprefix("/admin/")).headers["location"].endswith("/add/")
    assert a.get(rejects).status == 302


def test_a_large_upload_takes_constant_memory(machines: list[LiveServer], browsers: list[Browser]) -> None:
    a, _ = browsers
    a.upload("leads/importrun/add/", "warm.csv", ROWS)
    before = peak(machines[0])
    row = "Ada,Lovelace,ada@example.com,1\n"
    rows = row * (LARGE // len(row))
    reply = a.upload("leads/importrun/add/", "large.csv", f"First Name,Last Name,Email,Phone\n{rows}")
    assert (reply.status, b"more than" in reply.body) == (200, True)
    assert peak(machines[0]) - before < GROWTH


def peak(server: LiveServer) -> int:
    """Return the largest memory of a server's processes together so far, in KiB."""
    found, total = [server.process.pid], 0
    while found:
        pid = found.pop()
        status = Path(f"/proc/{pid}/status").read_text()
        total += int(status.partition("VmHWM:")[2].split()[0])
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return total
