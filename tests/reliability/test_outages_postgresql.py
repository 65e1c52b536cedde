"""PostgreSQL stopped, restarted, out of connections, slow, frozen, read-only or full: 503s meanwhile, none later."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.factories import activity_row, lead_row
from tests.live import LiveServer, await_start, without_python
from tests.server.wire import last_reply, nothing_came
from tests.torture.cluster import Cluster, own_cluster, programs, run_as_owner
from tests.torture.crm import Crm

pytestmark = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or programs() is None,
    reason="needs PostgreSQL's programs, and is about PostgreSQL alone",
)

WORKERS, THREADS = 2, 2
ROUND = 4 * WORKERS * THREADS  # requests that surely meet every thread's connection
CROWD = 12  # connections PostgreSQL allows here


class Office:
    """A server, its own PostgreSQL, an agent's token and a lead."""

    def __init__(self, cluster: Cluster, crm: Crm) -> None:
        self.cluster, self.crm = cluster, crm
        self.token = self.server.token("agent-of-outages")
        self.lead = self.post("/api/leads", lead_row()).json()["id"]

    @property
    def server(self) -> LiveServer:
        """Return the running one."""
        return self.crm.server

    def post(self, path: str, body: Any) -> Any:
        """As the agent."""
        return self.server.send("POST", path, body, self.token)

    def writes_are_refused(self) -> None:
        """Assert that every kind of write is a 503 in JSON with ``Retry-After``."""
        path = f"/api/leads/{self.lead}"
        is_unavailable(self.post("/api/leads", lead_row()))
        is_unavailable(self.post("/api/leads", [lead_row() for _ in range(20)]))
        is_unavailable(self.server.send("PUT", path, {"status": "lost"}, self.token))
        is_unavailable(self.post(f"{path}/activities", activity_row()))
        is_unavailable(self.server.send("DELETE", path, headers=self.token))

    def reads_are_refused(self) -> None:
        """Assert the same of every kind of read and of logins; the back office has a page."""
        for path in ("/api/leads", f"/api/leads/{self.lead}", f"/api/leads/{self.lead}/activities", "/api/dashboard"):
            is_unavailable(self.server.send("GET", path, headers=self.token))
        account = {"username": "agent-of-outages", "password": "pass123456"}
        is_unavailable(self.server.send("POST", "/api/users/login", account))
        cookie = {"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv"}
        page = self.server.send("GET", "/admin/", headers=cookie)
        assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "retry-after" in page.headers
        assert self.server.send("GET", "/").status == 200  # the server itself is well

    def is_well(self) -> None:
        """Assert that all threads work, with a connection each, and two others a worker (imports, health checks)."""
        for _ in range(ROUND):
            assert self.server.send("GET", "/api/dashboard", headers=self.token).status == 200
            assert self.post(f"/api/leads/{self.lead}/activities", activity_row()).status == 201
        ours = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        assert self.cluster.execute(ours)[0][0] <= WORKERS * (THREADS + 2)  # type: ignore[operator]
        log = self.server.log.read_text()
        assert "Traceback" not in log
        assert '"status":500' not in log

    def forget_connections(self) -> None:
        """Terminate the server's connections."""
        self.cluster.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


def is_unavailable(reply: Any) -> None:
    assert reply.status == 503, reply
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json()) == {"detail"}
    assert int(reply.headers["retry-after"]) > 0


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Yield one installation for all tests."""
    variables = {"WORKERS": str(WORKERS), "THREADS": str(THREADS)}
    with own_cluster(max_connections=str(CROWD), superuser_reserved_connections="0", fsync="off") as cluster:
        # What the URL itself says wins over the server's own ten and fifteen seconds, which a test need not wait for.
        url = f"{cluster.url}?options=-c%20statement_timeout%3D700&connect_timeout=2&response_timeout=3"
        crm = Crm(url, tmp_path_factory.mktemp("office"), **variables)
        try:
            crm.start()
            yield Office(cluster, crm)
        finally:
            crm.stop()


def test_stopped_and_started_again(office: Office) -> None:
    office.cluster.stop()
    office.reads_are_refused()
    office.writes_are_refused()
    office.cluster.start()
    office.is_well()


def test_a_restart_between_requests_is_not_even_noticed(office: Office) -> None:
    for mode in ("fast", "immediate"):
        office.is_well()  # every thread keeps a connection
        office.cluster.stop(mode)
        office.cluster.start()
        office.is_well()


def test_killed(office: Office) -> None:
    office.cluster.kill()
    office.cluster.start()
    office.is_well()


def test_out_of_connections(office: Office) -> None:
    office.forget_connections()
    with ExitStack() as crowd:
        assert "too many clients" in fill(office.cluster, crowd)
        office.reads_are_refused()
        office.writes_are_refused()
    office.is_well()


def fill(cluster: Cluster, crowd: ExitStack) -> str:
    """Open connections until one is rejected, and return the error."""
    for _ in range(CROWD + 1):
        try:
            crowd.enter_context(psycopg.connect(cluster.url))
        except psycopg.OperationalError as error:
            return str(error)
    return "not at all"


@contextmanager
def holding(office: Office, statement: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction that does not end."""
    with psycopg.connect(office.cluster.url) as connection:
        connection.execute(statement)
        yield connection
        connection.rollback()


def test_a_statement_that_takes_too_long_is_given_up(office: Office) -> None:
    with holding(office, f"SELECT FROM leads_lead WHERE id = {office.lead} FOR UPDATE"):
        is_unavailable(office.server.send("PUT", f"/api/leads/{office.lead}", {"status": "lost"}, office.token))
        is_unavailable(office.post(f"/api/leads/{office.lead}/activities", activity_row()))
        assert office.server.send("GET", f"/api/leads/{office.lead}", headers=office.token).json()["status"] == "new"
    office.is_well()


def test_everything_locked(office: Office) -> None:
    with holding(office, "LOCK TABLE leads_lead, users_user, users_usersession"):
        office.writes_are_refused()
        office.reads_are_refused()
    office.is_well()


def test_read_only(office: Office) -> None:
    """As on a standby server."""
    office.cluster.execute("ALTER DATABASE crm SET default_transaction_read_only = on")
    office.forget_connections()
    office.writes_are_refused()
    assert office.server.send("GET", "/api/leads", headers=office.token).status == 200
    with psycopg.connect(office.cluster.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER DATABASE crm RESET default_transaction_read_only")
    office.forget_connections()
    office.is_well()


def test_frozen(office: Office) -> None:
    """The server accepts the query and does not respond, so its own timeout has no effect."""
    office.is_well()
    office.cluster.freeze()
    try:
        is_unavailable(office.server.send("GET", "/api/dashboard", headers=office.token))
    finally:
        office.cluster.freeze(signal.SIGCONT)
    office.is_well()


def test_frozen_with_more_who_ask_than_threads(office: Office) -> None:
    """Health checks succeed while threads wait for the database."""
    office.is_well()
    head = f"GET /api/dashboard HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {office.token['Authorization']}\r\n"
    office.cluster.freeze()
    try:
        with ExitStack() as stack:
            asking = [stack.enter_context(office.server.connect()) for _ in range(ROUND)]
            for connection in asking:
                connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
            for _ in range(ROUND):
                assert office.server.send("GET", "/health/live").status == 200
            assert any(nothing_came(connection) for connection in asking)
            is_unavailable(office.server.send("GET", "/health/ready"))
            for connection in asking:
                connection.setblocking(True)
                is_unavailable(last_reply(connection))
    finally:
        office.cluster.freeze(signal.SIGCONT)
    office.is_well()


def test_a_disk_that_is_full(office: Office, tmp_path: Path) -> None:
    with small_disk(office.cluster) as disk:
        tables = ("leads_lead", "activities_activity", "leads_leadcount")
        office.cluster.execute(f"CREATE TABLESPACE small LOCATION '{disk}'")
        for table in tables:
            office.cluster.execute(f"ALTER TABLE {table} SET TABLESPACE small")
        try:
            replies = [office.post("/api/leads", bulk(office, number)) for number in range(60)]
            full = next(reply for reply in replies if reply.status != 201)
            is_unavailable(full)
            assert "No space left on device" in office.server.log.read_text()
            stored = [row[0] for row in office.cluster.execute("SELECT count(*) FROM leads_lead GROUP BY source")]
            assert set(stored) <= {1, 1000}  # whole bulks alone
            assert stored.count(1000) == sum(reply.status == 201 for reply in replies)
            assert office.server.send("GET", "/api/dashboard", headers=office.token).status == 200
        finally:
            for table in tables:
                office.cluster.execute(f"ALTER TABLE {table} SET TABLESPACE pg_default")
            office.cluster.execute("DROP TABLESPACE small")
    office.is_well()


def bulk(office: Office, number: int) -> list[dict[str, Any]]:
    """Return a thousand leads of one source."""
    return [lead_row(source=f"bulk {number}", property_interest="x" * 500) for _ in range(1000)]


@contextmanager
def small_disk(cluster: Cluster) -> Iterator[Path]:
    """A file system of a few megabytes for the cluster; skips without permission to mount."""
    disk = cluster.folder / "disk"
    run_as_owner("mkdir", str(disk))
    options = "size=8m,mode=0700,uid=postgres"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_away_at_the_start(office: Office, tmp_path: Path) -> None:
    office.cluster.stop()
    later = Crm(office.cluster.url, tmp_path)
    try:
        process = later.start(wait=False).process
        log = tmp_path / "server.log"
        while not without_python(log.read_text()):
            assert process.poll() is None
        assert without_python(log.read_text()).startswith("Waiting for the database: ")
        office.cluster.start()
        await_start(later.server)
        assert log.read_text().count("Waiting") == 1
        assert "Traceback" not in log.read_text()
    finally:
        later.stop()
    office.is_well()


def test_restarted_in_the_middle_of_a_start(office: Office, tmp_path: Path) -> None:
    """While a migration waits for a lock: the start retries by itself."""
    office.cluster.execute("CREATE DATABASE later")
    later = Crm(office.cluster.url.replace("/crm", "/later"), tmp_path)
    assert later.manage("migrate", "-v0").returncode == 0
    assert later.manage("migrate", "otp_totp", "0002", "-v0").returncode == 0
    try:
        with suppress(psycopg.OperationalError), psycopg.connect(later.database_url) as other:
            other.execute("LOCK TABLE otp_totp_totpdevice IN ROW EXCLUSIVE MODE")
            process = later.start(wait=False).process
            log = tmp_path / "server.log"
            while "Waiting for locks" not in log.read_text():
                assert process.poll() is None, log.read_text()
            office.cluster.stop()
            office.cluster.start()
        await_start(later.server)
        assert later.server.send("GET", "/health/ready").status == 200
        assert "Traceback" not in log.read_text()
    finally:
        later.stop()
    office.is_well()
