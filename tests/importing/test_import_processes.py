"""``manage.py import_leads`` as real processes: killed, side by side, short of memory and disk, from a pipe."""

import contextlib
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.live import PROJECT, environment, migrated_database

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", "3"))  # ten and more for those who have the time
SEED = 20261123


@pytest.fixture
def manage() -> Iterator[Any]:
    """``manage("import_leads", …)``: the finished process of a management command on a fresh database."""
    with migrated_database() as url:
        env = environment(DATABASE_URL=url)

        def start(*arguments: object, **how: Any) -> subprocess.Popen[str]:
            command = [sys.executable, "manage.py", *map(str, arguments)]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
            return subprocess.Popen(command, cwd=PROJECT, text=True, **{**pipes, "env": env, **how})

        def run(*arguments: object, **how: Any) -> subprocess.CompletedProcess[str]:
            process = start(*arguments, **how)
            out, error = process.communicate()
            return subprocess.CompletedProcess(process.args, process.returncode, out, error)

        run.start, run.url, run.env = start, url, env  # type: ignore[attr-defined]
        yield run


COUNT = """
from leads.models import ImportRun, Lead
from leads.importing.runs import state_of
print(Lead.objects.count(), *(state_of(run) for run in ImportRun.objects.order_by("pk")))
"""


def stored(manage: Any) -> list[str]:
    """Return how many leads there are, then the state of every run."""
    return str(manage("shell", "-v0", "-c", COUNT).stdout).split()


def big_csv(path: Path, rows: int, start: int = 0) -> Path:
    """``rows`` good rows, numbered from ``start``."""
    with path.open("w") as file:
        file.write("First Name,Last Name,Email,Phone,Status,Source,Budget Min,Budget Max\n")
        for n in range(start, start + rows):
            file.write(f"Ada,Lovelace{n},ada{n}@example.com,+1-555-{n:07d},new,website,{n},{n + 1}\n")
    return path


# What must hold at any moment: the activities are those of the demo, counted on their leads and by the dashboard.
FIGURES = """
from django.db.models import Count, F, Sum
from django.utils import timezone
from activities.models import Activity
from dashboard.queries import count_leads, in_pipeline_order, periods, stats
from leads.models import Lead
now = timezone.now()
reported, figures = stats(now), in_pipeline_order(count_leads(periods(now)))
assert reported["leads_by_status"] == [{"status": figure.status, "count": figure.leads} for figure in figures], reported
assert reported["total_leads"] == Lead.objects.count(), reported
assert reported["total_activities"] == Activity.objects.count() > 1500, reported
assert reported["new_leads_this_week"] == sum(figure.new for figure in figures), reported
assert not Lead.objects.annotate(own=Count("activities")).exclude(activity_count=F("own")).exists()
print("right")
"""


def await_run(process: subprocess.Popen[str], url: str, number: int) -> None:
    """Return when the run of that number has begun, or its process has ended."""
    statement = "SELECT count(*) FROM leads_importrun"
    while process.poll() is None:
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
                (runs,) = connection.execute(statement).fetchone()
        else:
            with psycopg.connect(url) as connection:
                (runs,) = connection.execute(statement).fetchone()
        if runs >= number:
            return
        wait(process, 0.01)


def wait(process: subprocess.Popen[str], seconds: float) -> None:
    """At most so long for the end of a process."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def test_a_killed_import_leaves_nothing_half_done(manage: Any, tmp_path: Path) -> None:
    assert manage("demo", "-v0").returncode == 0
    rows, dice = 20_000, random.Random(SEED)
    path = big_csv(tmp_path / "leads.csv", rows)
    arguments = ["import_leads", path, "--report", "json", "--again", "--on-duplicate"]
    before, *_ = stored(manage)
    for number in range(1, KILLS + 1):
        process = manage.start(*arguments, dice.choice(("create", "skip")))
        await_run(process, manage.url, number)
        wait(process, dice.uniform(0, 1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        right, count, *states = manage("shell", "-v0", "-c", FIGURES + COUNT).stdout.split()
        assert right == "right"
        assert (int(count) - int(before)) in {rows * loads for loads in range(states.count("done") + 1)}
        assert set(states) <= {"died", "done"}
    done = json.loads(manage(*arguments, "skip").stdout)
    assert done["created"] + done["skipped"] == rows
    assert stored(manage)[0] == str(int(count) + done["created"])
    assert manage("shell", "-v0", "-c", FIGURES).stdout.strip() == "right"


def test_two_overlapping_imports_at_once_make_no_duplicates(manage: Any, tmp_path: Path) -> None:
    first, second = big_csv(tmp_path / "a.csv", 4000), big_csv(tmp_path / "b.csv", 4000, start=2000)
    running = [
        manage.start("import_leads", path, "--on-duplicate", "skip", "--report", "json") for path in (first, second)
    ]
    reports = [json.loads(process.communicate()[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum(report["created"] for report in reports) == 6000
    assert sum(report["skipped"] for report in reports) == 2000
    assert stored(manage)[0] == "6000"


def test_memory_does_not_grow_with_the_file(manage: Any, tmp_path: Path) -> None:
    path = big_csv(tmp_path / "leads.csv", 120_000)
    limit = 150 * 2**20
    script = (
        "import re, resource, sys; from manage import main; sys.argv[0] = 'manage.py'\n"
        "try: main()\n"
        "finally:\n"
        "    own = int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n"
        "    print(max(own, child) * 1024, file=sys.stderr)"
    )
    for arguments in ([], ["--on-duplicate", "skip", "--again"]):
        command = [sys.executable, "-c", script, "import_leads", str(path), "--report", "json", *arguments]
        env = environment(DATABASE_URL=manage.url)
        done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=True)
        assert int(done.stderr.split()[-1]) < limit


def test_standard_input(manage: Any, tmp_path: Path) -> None:
    with big_csv(tmp_path / "leads.csv", 10).open() as file:
        done = manage("import_leads", "-", "--report", "json", stdin=file)
    assert (done.returncode, json.loads(done.stdout)["created"]) == (0, 10)


def test_wrong_arguments_are_exit_code_2(manage: Any, tmp_path: Path) -> None:
    path = big_csv(tmp_path / "leads.csv", 1)
    for wrong in (["--on-duplicate", "maybe"], ["--map", "Email"], ["--no-such-option"]):
        done = manage("import_leads", path, *wrong)
        assert (done.returncode, done.stdout) == (2, "")
    assert stored(manage) == ["0"]


@pytest.mark.skipif(
    not settings.DATABASE_URL.startswith("sqlite"), reason="the disk of PostgreSQL is another process's"
)
def test_a_full_disk_stores_nothing_and_says_so(manage: Any, tmp_path: Path) -> None:
    path, room = big_csv(tmp_path / "leads.csv", 20_000), 3 * 2**20
    bound = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))  # noqa: E731
    done = manage("import_leads", path, "--report", "json", preexec_fn=bound)
    report = json.loads(done.stdout)
    assert (done.returncode, report["state"]) == (1, "refused")
    assert "disk" in report["message"]
    assert stored(manage) == ["0", "refused"]
    assert json.loads(manage("import_leads", path, "--report", "json").stdout)["created"] == 20_000
