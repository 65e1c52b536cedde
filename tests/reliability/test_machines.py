"""Two machines behind nginx, PgBouncer, a primary and its replica: nothing is lost while one after the other fails."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings

from tests import nginx, pooler
from tests.live import LiveServer
from tests.server.test_logs_everywhere import Browser
from tests.server.test_quickstart import needs, run_quickstart
from tests.torture.agents import Agents
from tests.torture.cluster import own_cluster, programs
from tests.torture.crm import Crm

is_complete = not settings.DATABASE_URL.startswith("sqlite") and programs() and pooler.PROGRAM and nginx.PROGRAM
pytestmark = [needs, pytest.mark.skipif(not is_complete, reason="needs PostgreSQL's programs, PgBouncer and nginx")]

USERNAME, PASSWORD = "boss", "two-Machines-1"
ENV = {"DJANGO_SUPERUSER_EMAIL": "boss@x.co", "DJANGO_SUPERUSER_PASSWORD": PASSWORD, "REGISTRATION_LIMIT": "0"}
ROWS = "First Name,Last Name,Email,Phone\nAda,Lovelace,ada@x.co,1\nZerelda,Quux,zerelda@x.co,2\nZerelda,Quux,zer@@x,3\n"
PLAN = {"on_duplicate": "create", "on_error": "skip"}
LOCKS, UPLOADS = "SELECT * FROM pg_locks WHERE locktype = 'advisory'", "SELECT * FROM storage_storedfile"


def test_an_office_on_two_machines_loses_nothing(tmp_path: Path) -> None:
    with ExitStack() as stack:
        primary = stack.enter_context(own_cluster(fsync="off"))
        replica = stack.enter_context(own_cluster(primary, fsync="off"))
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")
        bouncer = stack.enter_context(pooler.pgbouncer(primary.url, "server_login_retry = 1"))
        both = f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{replica.port}/crm"
        urls = {"DIRECT_DATABASE_URL": f"{both}?target_session_attrs=read-write", "DATABASE_REPLICA_URL": replica.url}
        machines = [Crm.machine(f"{bouncer.url}?pooled=transaction", tmp_path / one, **urls, **ENV) for one in "ab"]
        files = [machine.files() for machine in machines]
        for machine in machines:
            stack.callback(machine.stop)
            machine.start()
        port = stack.enter_context(nginx.nginx(tmp_path, machines[0].port, machines[1].port))
        office = LiveServer(port, "", machines[0].server.process, machines[0].server.log)
        run_quickstart(port)

        assert machines[0].manage("createsuperuser", "--noinput", "--username", USERNAME).returncode == 0
        boss = Browser(office)
        assert boss.log_in(USERNAME, PASSWORD).status == 302
        review = boss.upload("leads/importrun/add/", "fair.csv", ROWS).headers["location"].removeprefix("/admin/")
        assert b"zerelda@x.co" in boss.get(review).body
        assert boss.post(review, {**PLAN, "check": "1"}).status == 302
        run = boss.post(review, {**PLAN, "import": "1", "attempt": "0"}).headers["location"].removeprefix("/admin/")
        assert all(b"zer@@x" in boss.get(run.replace("change/", "rejects/")).body for _ in machines)
        assert boss.upload("leads/importrun/add/", "next.csv", ROWS.replace("Ada", "Eve")).status == 302
        assert machines[1].manage("erase_person", "zerelda@x.co", "--yes").returncode == 0
        everything = b"".join([primary.dump(), *(path.read_bytes() for crm in machines for path in crm.files())])
        assert not [text for text in (b"zerelda", b"Zerelda".hex().encode()) if text in everything.lower()]

        with Agents(office, 6) as agents:
            agents.go_on()
            started = time.monotonic()
            for machine in machines:
                assert machine.server.stop() == 0
                machine.start()
                agents.go_on()
            restarted = time.monotonic()
            primary.kill()
            replica.promote()
            bouncer.point_to(replica.url)
            agents.go_on()
        assert agents.wrong == []
        assert agents.acknowledged <= {row[0] for row in replica.execute("SELECT id FROM leads_lead")}
        assert machines[0].manage("verify").returncode == 0
        assert (replica.execute(LOCKS), replica.execute(UPLOADS)) == ([], [])
        assert [machine.files() for machine in machines] == files
        logs = [machine.server.log.read_text() for machine in machines]
        assert not [log for log in logs if "Traceback" in log or '"status":500' in log or "importrun" not in log]
        waits = agents.longest_wait(started, restarted), agents.longest_wait(restarted, time.monotonic())
        sys.stdout.write(f"\n{len(agents.acknowledged)} acknowledged, {agents.refused}, longest waits {waits}\n")
