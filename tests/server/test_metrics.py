"""``/metrics`` of a real server with two workers, which count together."""

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.live import PROJECT, LiveServer, environment, migrated_database, serving
from tests.server.test_stop import eventually, linux

MARK = "zqmark"
PASSWORD = "a long password"
REQUESTS = 60  # each on a connection of its own, which the system gives to either worker


def samples(server: LiveServer) -> dict[str, float]:
    """Return the value of each series."""
    reply = server.send("GET", "/metrics")
    assert reply.status == 200
    lines = reply.body.decode().splitlines()
    return {name: float(value) for name, _, value in (it.rpartition(" ") for it in lines if not it.startswith("#"))}


def status_from(server: LiveServer, address: str) -> tuple[int, bytes]:
    """Return the status and body for a client with another address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0))
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    try:
        return response.status, response.read()
    finally:
        connection.close()


def boss(server: LiveServer) -> dict[str, str]:
    """Return the header of a new superuser."""
    fields = {"USERNAME": "boss", "EMAIL": f"{MARK}@example.com", "PASSWORD": PASSWORD}
    account = {f"DJANGO_SUPERUSER_{name}": value for name, value in fields.items()}
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput"]
    env = environment(DATABASE_URL=server.database_url, **account)
    subprocess.run(command, cwd=PROJECT, env=env, check=True)
    reply = server.send("POST", "/api/users/login", {"username": "boss", "password": PASSWORD})
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


@linux
def test_workers_count_together(tmp_path: Path) -> None:
    killed = tmp_path / "crm-metrics-4999999-x"  # of a server that was killed; no process has this id
    killed.mkdir()
    ours = tmp_path / f"crm-metrics-{os.getpid()}-x"  # of one that runs
    ours.mkdir()
    settings = {"METRICS_ALLOW": "127.0.0.1", "WORKERS": "2", "TMPDIR": str(tmp_path)}
    with migrated_database() as url, serving(DATABASE_URL=url, **settings) as server:
        (folder,) = (path for path in tmp_path.glob("crm-metrics-*") if path not in (killed, ours))
        assert not killed.exists()
        assert folder.stat().st_mode & 0o777 == 0o700
        for number in range(REQUESTS):
            server.send("GET", f"/api/leads/{number}")
        login = {"username": f"{MARK}-name", "password": f"{MARK}-password"}
        assert server.send("POST", "/api/users/login", login).status == 401
        server.send("GET", f"/{MARK}?q={MARK}")
        csv = {**boss(server), "Content-Type": "text/csv"}
        file = f"first_name,last_name,email,phone\n{MARK},B,{MARK}@example.org,1\n"
        imported = server.send("POST", "/api/leads/import", file.encode(), csv).json()
        refused = server.send("POST", "/api/leads/import", f"{file}C,D,not {MARK},2\n".encode(), csv).json()
        assert [run["state"] for run in (imported, refused)] == ["done", "refused"]
        workers = {int(path.stem.rpartition("_")[2]) for path in folder.glob("histogram_*.db")}
        assert len(workers) == 2
        found = samples(server)
        assert found['crm_http_requests_total{method="GET",route="api/leads/<lead_id>",status="401"}'] == REQUESTS
        assert found['crm_http_requests_total{method="GET",route="none",status="404"}'] == 1
        assert found['crm_logins_refused_total{reason="password"}'] == 1
        assert found['crm_imports_ended_total{state="done"}'] == 1
        assert found['crm_imports_ended_total{state="refused"}'] == 1
        assert found['crm_import_rows_total{result="created"}'] == imported["created"] == 1
        assert found['crm_import_rows_total{result="rejected"}'] == refused["rejected"] == 2
        assert [found[name] for name in ("crm_threads_busy", "crm_requests_waiting", "crm_database_up")] == [0, 0, 1]
        assert MARK not in server.send("GET", "/metrics").body.decode()
        assert status_from(server, "127.0.0.1")[0] == 200
        assert status_from(server, "127.0.0.2") == (404, b'{"detail":"Not Found"}')
        assert samples_after_a_kill(server, folder, workers.pop()) == REQUESTS
        assert server.stop() == 0
        assert list(tmp_path.glob("crm-metrics-*")) == [ours]


def samples_after_a_kill(server: LiveServer, folder: Path, worker: int) -> float:
    """Kill a worker, wait until its gauges are forgotten, and return what both have counted of a route."""
    gauges = folder / f"gauge_livesum_{worker}.db"
    assert gauges.exists()
    os.kill(worker, signal.SIGKILL)

    def is_forgotten() -> bool:
        try:
            samples(server)
        except OSError:  # the worker had taken the connection
            return False
        return not gauges.exists()

    assert eventually(is_forgotten)
    return samples(server)['crm_http_requests_total{method="GET",route="api/leads/<lead_id>",status="401"}']
