"""``manage.py export_leads`` as a real process: its memory, its pipe, and its being killed."""

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import PROJECT, environment, migrated_database

pytestmark = pytest.mark.slow

FEW, MANY = 1_000, 20_000
MAX_MORE = 24 << 10  # kilobytes, of which SQLite's cache may be most; the texts alone would take twice that

FILL = """
import sys
from datetime import datetime, UTC
from crm_project.db import bulk
from django.db import transaction
from leads.models import Lead
from leads.querysets import build_row
from leads.validators import validate
clean, problems = validate({"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "phone": "+1",
    "property_interest": "x" * 2500})
columns = list(build_row(clean, datetime.now(UTC)))
with transaction.atomic(), bulk.writer(Lead, columns) as write:
    for n in range(COUNT):
        row = build_row(clean, datetime.fromtimestamp(1.7e9 + n, UTC))
        write([row[column] for column in columns])
"""
MEASURE = """
import os, resource, sys
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


class Office:
    """A database with many leads in it, and processes that export them."""

    def __init__(self, url: str) -> None:
        self.env = environment(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="crm_project.settings")

    def manage(self, *arguments: object) -> str:
        """Run a management command to its end."""
        command = [sys.executable, "manage.py", *map(str, arguments)]
        done = subprocess.run(command, cwd=PROJECT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def export(self, *arguments: object) -> subprocess.Popen[str]:
        """Start an export; its last word on standard error is the memory it took, in kilobytes."""
        command = [sys.executable, "-c", MEASURE, "export_leads", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=PROJECT, env=self.env, text=True, **pipes)  # type: ignore[call-overload, no-any-return]

    def memory(self, *arguments: object) -> int:
        """Return the most memory an export took, in kilobytes."""
        process = self.export(*arguments)
        _, error = process.communicate()
        assert process.returncode == 0, error
        return int(error.split()[-1])


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """Yield an office of ``MANY`` leads, one of them named Zoë."""
    with migrated_database() as url:
        office = Office(url)
        office.manage("shell", "-v0", "-c", FILL.replace("COUNT", str(MANY)))
        mark = f"from leads.models import Lead; Lead.objects.filter(pk__lte={FEW}).update(status='few')"
        office.manage("shell", "-v0", "-c", mark)
        yield office


@pytest.mark.parametrize("name", ["leads.csv.gz", "leads.jsonl", "leads.xlsx"])
def test_memory_does_not_grow_with_the_number_of_leads(office: Office, tmp_path: Path, name: str) -> None:
    few = office.memory("--output", tmp_path / f"few-{name}", "--status", "few", "--with-activities")
    many = office.memory("--output", tmp_path / name, "--with-activities")
    assert many < few + MAX_MORE
    if name.endswith("gz"):
        assert gzip.decompress((tmp_path / name).read_bytes()).count(b"\r\n") == MANY + 1


def test_a_killed_export_leaves_no_file_that_looks_whole(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "leads.jsonl"
    process = office.export("--output", path)
    while not list(tmp_path.glob("leads.jsonl.*.part")) and process.poll() is None:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not path.exists()
    office.memory("--output", path, "--status", "few")
    with path.open() as file:
        assert [json.loads(line)["status"] for line in file] == ["few"] * FEW


@pytest.mark.parametrize("wrong", [["--format", "pdf"], ["--min-budget", "lots"], ["--max-budget", "-1"], []])
def test_wrong_arguments_end_with_2(office: Office, tmp_path: Path, wrong: list[str]) -> None:
    process = office.export(*(["--output", tmp_path / "leads.csv", *wrong] if wrong else []))
    out, error = process.communicate()
    assert (process.returncode, out, "Traceback" in error) == (2, "", False)
    assert not list(tmp_path.iterdir())


def test_a_reader_who_has_had_enough_ends_it_quietly(office: Office) -> None:
    process = office.export("--output", "-")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("id,first_name")
    process.stdout.close()
    assert process.stderr is not None
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1
    assert "Traceback" not in error
    assert "BrokenPipe" not in error
