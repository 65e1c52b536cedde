"""Commands without a database, with an empty one, or with a closed output: at most one line and no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PROJECT, environment, free_port, fresh_database, without_python

COMMANDS = ["migrate", "verify", "prune", "work", "demo", "export_person a@example.com", "createsuperuser --noinput"]


def refusal(command: str, database_url: str) -> str:
    """Return the error output of a command."""
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=PROJECT,
        env=environment(DATABASE_URL=database_url),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return without_python(done.stderr)


@pytest.mark.any_database
@pytest.mark.parametrize("command", COMMANDS)
def test_away(command: str) -> None:
    printed = refusal(command, f"postgresql://crm:hunter2@127.0.0.1:{free_port()}/crm")
    assert printed.startswith("The database cannot be used ")
    assert "refused" in printed
    assert "hunter2" not in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.any_database
def test_a_malformed_setting() -> None:
    printed = refusal("check", "mysql://root:hunter2@localhost/crm")
    assert printed.startswith('Configuration: Environment variable "DATABASE_URL" invalid')
    assert "hunter2" not in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.any_database
def test_no_folder_for_the_file() -> None:
    for command in ("verify", "serve"):
        assert "unable to open database file" in refusal(command, "sqlite:////no/such/folder/app.db")
    assert "/no/such/folder/app.db" in refusal("serve", "sqlite:////no/such/folder/app.db")


@pytest.mark.any_database
@pytest.mark.parametrize("command", ["serve", "verify", "prune"])
def test_a_damaged_file(tmp_path: Path, command: str) -> None:
    (tmp_path / "app.db").write_bytes(b"no database " * 1000)
    printed = refusal(command, f"sqlite:///{tmp_path}/app.db")
    assert "file is not a database" in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("command", ["verify", "prune"])
def test_no_tables_yet(command: str) -> None:
    with fresh_database() as database_url:
        printed = refusal(command, database_url)
    assert "`manage.py migrate`" in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.any_database
@pytest.mark.parametrize("command", ["showmigrations", "check --tag models", "import_leads --help"])
def test_output_that_nobody_reads(command: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=PROJECT,
        env=environment(DATABASE_URL=f"sqlite:///{tmp_path}/app.db"),
        stdin=subprocess.DEVNULL,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
