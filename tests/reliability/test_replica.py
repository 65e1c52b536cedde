"""Reads from a streaming replica: which go there, that nobody misses an own write, and that a replica may fail."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.factories import activity_row, lead_row
from tests.live import LiveServer
from tests.torture.cluster import Cluster, own_cluster, programs
from tests.torture.crm import Crm

pytestmark = pytest.mark.skipif(
    settings.DATABASE_URL.startswith("sqlite") or programs() is None,
    reason="needs PostgreSQL's programs, and is about PostgreSQL alone",
)

WRITERS, WRITES = 4, 60


class Office:
    """A primary, its replica, and a server that uses both; the agents who write and the one who only reads."""

    def __init__(self, primary: Cluster, replica: Cluster, server: LiveServer) -> None:
        self.primary, self.replica, self.server = primary, replica, server
        self.writer, self.reader = server.token("writer"), server.token("reader")

    def add(self) -> int:
        """Add a lead as the writer, and return its id."""
        reply = self.server.send("POST", "/api/leads", lead_row(), self.writer)
        assert reply.status == 201
        return int(reply.json()["id"])

    def newest(self, who: dict[str, str], query: str = "") -> int:
        """Return the id of the newest lead in the list, 0 if there is none."""
        found = self.get(f"/api/leads?size=1{query}", who)
        return int(found[0]["id"]) if found else 0

    def get(self, path: str, who: dict[str, str]) -> Any:
        """Return the JSON of a reply."""
        reply = self.server.send("GET", path, headers=who)
        assert reply.status == 200, reply
        return reply.json()

    def catch_up(self) -> None:
        """Return when the replica has replayed everything."""
        self.replica.execute("SELECT pg_wal_replay_resume()")
        (end,) = self.primary.execute("SELECT pg_current_wal_insert_lsn()")[0]
        while not self.replica.execute(f"SELECT pg_last_wal_replay_lsn() >= '{end}'")[0][0]:
            pass

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The replica replays nothing for a while."""
        self.catch_up()
        self.replica.execute("SELECT pg_wal_replay_pause()")
        while self.replica.execute("SELECT pg_get_wal_replay_pause_state()")[0][0] != "paused":
            pass
        try:
            yield
        finally:
            self.catch_up()


@contextmanager
def an_office(folder: Path, **variables: str) -> Iterator[Office]:
    with ExitStack() as stack:
        primary = stack.enter_context(own_cluster(fsync="off"))
        before = Crm(primary.url, folder)
        assert before.manage("migrate", "-v0").returncode == 0
        replica = stack.enter_context(own_cluster(primary, fsync="off"))
        hosts = f"host=127.0.0.1,127.0.0.1&port={primary.port},{replica.port}"
        crm = Crm(
            f"postgresql://postgres@/crm?{hosts}&target_session_attrs=read-write&connect_timeout=2",
            folder,
            DATABASE_REPLICA_URL=replica.url,
            **{"REPLICA_MAX_LAG": "3600", "WORKERS": "2", **variables},
        )
        stack.callback(crm.stop)
        yield Office(primary, replica, crm.start())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with an_office(tmp_path_factory.mktemp("office")) as office:
        yield office


def test_lists_are_read_from_the_replica_except_by_those_who_wrote(office: Office) -> None:
    office.add()
    office.catch_up()
    known = office.newest(office.reader)
    with office.paused():
        new = office.add()
        assert new > known
        assert [office.newest(office.writer), office.newest(office.reader)] == [new, known]
        assert office.newest(office.reader, "&sort=-id&count=exact") == known
        assert office.newest(office.reader, "&q=lovelace") == known
        assert office.get(f"/api/leads/{new}", office.reader)["id"] == new  # one lead is the primary's
        # A walk and a sync are the primary's, too.
        assert office.newest(office.reader, "&after=") == new
        assert new in {lead["id"] for lead in office.get("/api/leads?updated_since=&size=100", office.reader)}
    assert office.newest(office.reader) == new


def test_the_dashboard_activities_and_follow_ups_are_too(office: Office) -> None:
    lead = office.add()
    paths = ("/api/dashboard", "/api/activities", f"/api/activities/follow-ups?lead={lead}")
    office.catch_up()
    before = [office.get(path, office.reader) for path in paths]
    with office.paused():
        plan = {"title": "Call", "kind": "call", "due_on": "2030-01-01"}
        body = {"activity": activity_row(), "follow_up": plan}
        assert office.server.send("POST", f"/api/leads/{lead}/log", body, office.writer).status == 201
        assert [office.get(path, office.reader) for path in paths] == before
        after = [office.get(path, office.writer) for path in paths]
    assert all(new != old for new, old in zip(after, before, strict=True))
    assert [office.get(path, office.reader) for path in paths] == after


def test_users_and_tokens_are_always_the_primarys(office: Office) -> None:
    leaver = office.server.token("leaver")
    office.catch_up()
    with office.paused():
        assert office.newest(leaver)
        assert office.server.send("POST", "/api/users/logout-all", headers=leaver).status == 204
        assert office.server.send("GET", "/api/leads", headers=leaver).status == 401
        joiner = office.server.token("joiner")
        assert office.newest(joiner)


def test_a_replica_that_lags_is_not_used(office: Office, tmp_path: Path) -> None:
    strict = Crm(
        office.primary.url, tmp_path, DATABASE_REPLICA_URL=office.replica.url, REPLICA_MAX_LAG="0", WORKERS="1"
    )
    try:
        server = strict.start()
        with office.paused():
            new = office.add()
            (first,) = server.send("GET", "/api/leads?size=1", headers=office.reader).json()
            assert first["id"] == new
    finally:
        strict.stop()


def test_killing_and_promoting_the_replica_loses_no_write_and_hides_none_from_its_writer(tmp_path: Path) -> None:
    with an_office(tmp_path) as office:
        office.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        office.primary.execute("SELECT pg_reload_conf()")
        acknowledged: set[int] = set()
        found: list[str] = []
        halfway = threading.Barrier(WRITERS + 1)

        def write(number: int) -> None:
            who = office.server.token(f"writer-{number}")
            for turn in range(WRITES):
                if turn == WRITES // 2:
                    halfway.wait()
                reply = office.server.send("POST", "/api/leads", lead_row(source=f"writer {number}"), who)
                if reply.status == 503:
                    continue
                acknowledged.add(reply.json()["id"])
                listed = office.server.send("GET", f"/api/leads?source=writer+{number}&size=1", headers=who)
                if listed.status == 503:
                    continue
                ids = [lead["id"] for lead in listed.json()]
                if (reply.status, listed.status) != (201, 200) or ids != [reply.json()["id"]]:
                    found.append(f"{number}/{turn}: {reply.status}, {listed.status}, {ids}")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        halfway.wait()
        office.replica.stop("immediate")
        office.replica.start()
        office.primary.stop("immediate")
        office.replica.promote()
        for thread in threads:
            thread.join()
        assert found == []
        stored = {row[0] for row in office.replica.execute("SELECT id FROM leads_lead")}
        assert acknowledged
        assert acknowledged <= stored
        lead = office.add()
        assert office.newest(office.reader) == office.newest(office.writer) == lead
        log = office.server.log.read_text()
        assert "Traceback" not in log
        assert '"status":500' not in log
