"""Scheduled jobs in real processes: two workers at once, a signal, and the worker of the server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.live import PROJECT, environment, migrated_database, serving
from tests.server.test_stop import eventually, linux

# Four agents, each with a follow-up that is due, and both jobs due now.
FILL = """
from datetime import timedelta
from django.utils import timezone
from crm_project.operations.jobs import Worker
from crm_project.operations.models import ScheduledJob
from tests.factories import make_follow_up, make_lead, make_user
for _ in range(4):
    make_follow_up(make_lead(), make_user())
Worker().plan()
ScheduledJob.objects.update(due_at=timezone.now() - timedelta(seconds=1))
"""


def python(code: str, env: dict[str, str]) -> int:
    """Run a script in the project's shell, and return its exit code."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, check=False).returncode


def mails(log: Path) -> int:
    """Return the number of mails that a worker has printed."""
    return log.read_text().count("Subject: Follow-ups: 1 due today")


def test_two_workers_at_once_and_sigterm(tmp_path: Path) -> None:
    logs = [tmp_path / "first", tmp_path / "second"]
    with migrated_database() as url:
        env = environment(DATABASE_URL=url, EMAIL_URL="console:", EMAIL_FROM="crm@example.com", REMIND_HOUR="0")
        assert python(FILL, env) == 0
        workers = []
        for log in logs:
            with log.open("wb") as output:
                command = [sys.executable, "manage.py", "work"]
                workers.append(subprocess.Popen(command, cwd=PROJECT, env=env, stdout=output, stderr=output))
        # Each job ends once, in whichever worker. On a busy machine, the starts take more than 20 seconds.
        assert any(eventually(lambda: sum(log.read_text().count("job_ended") for log in logs) == 2) for _ in range(15))
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        codes = [worker.wait(20) for worker in workers]
        assert 0 in codes
        assert set(codes) <= {0, -signal.SIGTERM}  # one that is still starting has not yet a handler
        assert sum(map(mails, logs)) == 4
        assert "Traceback" not in "".join(log.read_text() for log in logs)


@linux
def test_the_server_runs_them_and_stops_them() -> None:
    with migrated_database() as url:
        env = environment(DATABASE_URL=url)
        assert python(FILL, env) == 0
        mail = {"EMAIL_URL": "console:", "EMAIL_FROM": "crm@example.com", "REMIND_HOUR": "0"}
        with serving(DATABASE_URL=url, RUN_JOBS="true", WORKERS="1", **mail) as server:

            def all_done() -> bool:
                jobs = server.send("GET", "/health/ready?details").json()["jobs"]
                return [job["succeeded"] for job in jobs] == [True, True]

            assert eventually(all_done)
            group = os.getpgid(server.process.pid)
            assert server.stop() == 0
            assert mails(server.log) == 4
            assert not processes_of(group)
            assert "Traceback" not in server.log.read_text()


def processes_of(group: int) -> list[str]:
    """Return the ids of the processes of a group that have not ended."""
    stats = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    return [fields[0] for fields in stats if int(fields[2]) == group and fields[0] != "Z"]
