"""A new machine: ``make run`` in an unpacked copy without git, then the commands of the contract and of the README."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live import PROJECT, LiveServer, await_start, end, free_port

needs = pytest.mark.skipif(not (shutil.which("make") and shutil.which("curl")), reason="needs make and curl")

LEFT_OUT = ".*", "*.db*", "__pycache__", "staticfiles", "node_modules", "screenshots", "build"

REGISTER = """curl -X POST http://127.0.0.1:8000/api/users/register   -H "Content-Type: application/json"   \
-d '{"username":"agent1","email":"a1@example.com","password":"pass123456","first_name":"Agent","last_name":"One"}'"""
TOKEN = """curl -X POST http://127.0.0.1:8000/api/users/token   -H "Content-Type: application/x-www-form-urlencoded"   \
-d "username=agent1&password=pass123456\""""
LIST = """curl -H "Authorization: Bearer $TOKEN" "http://127.0.0.1:8000/api/leads?status=all&page=1&size=10\""""
LEADS = """curl -X POST http://127.0.0.1:8000/api/leads   -H "Authorization: Bearer $TOKEN" \
-H "Content-Type: application/json"   \
-d '[{"first_name":"Alice","last_name":"Ng","email":"alice@example.com","phone":"+1-555-0101"},
       {"first_name":"Miguel","last_name":"Ortiz","email":"miguel@example.com","phone":"+1-555-0102"}]'"""
ACTIVITIES = """curl -X POST http://127.0.0.1:8000/api/leads/1/activities   -H "Authorization: Bearer $TOKEN" \
-H "Content-Type: application/json"   \
-d '[{"activity_type":"email","title":"Sent comps","activity_date":"2025-10-03"},
       {"activity_type":"meeting","title":"Tour","duration":45,"activity_date":"2025-10-04"}]'"""
DASHBOARD = """curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8000/api/dashboard"""


def readme_quickstart() -> str:
    """Return the commands of the README's quickstart."""
    section = (PROJECT / "README.md").read_text().partition("## Quickstart")[2]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    return str(block)


def shell(port: int, command: str, token: str = "") -> str:
    """Return the output of a command for port 8000, sent to another port; ``$TOKEN`` is the token."""
    env = {**os.environ, "TOKEN": token}
    command = command.replace(":8000/", f":{port}/")
    return subprocess.run(["sh", "-ec", command], env=env, capture_output=True, text=True, check=True).stdout


def curl(port: int, command: str, token: str = "") -> Any:
    """Return the JSON that a command of curl gets."""
    return json.loads(shell(port, command.replace("curl ", "curl -sS ", 1), token))


def run_quickstart(port: int) -> str:
    """Run the commands of the contract on an empty database, check the replies, and return the token."""
    assert curl(port, REGISTER)["username"] == "agent1"
    token = str(curl(port, TOKEN)["access_token"])
    assert curl(port, LIST, token) == []
    assert [lead["id"] for lead in curl(port, LEADS, token)] == [1, 2]
    assert [activity["user_name"] for activity in curl(port, ACTIVITIES, token)] == ["Agent One"] * 2
    dashboard = curl(port, DASHBOARD, token)
    assert (dashboard["total_leads"], dashboard["total_activities"]) == (2, 2)
    assert [lead["activity_count"] for lead in curl(port, LIST, token)] == [0, 2]
    return token


def unpack(folder: Path) -> Path:
    """Return an unpacked copy of the project, with a virtual environment that has the packages."""
    project = folder / "real estate crm"  # people's folders have spaces
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns(*LEFT_OUT))
    shutil.copy(PROJECT / ".env.example", project)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project / ".venv"], check=True)
    (site,) = (project / ".venv").glob("lib/*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_paths()["purelib"])
    return project


@contextmanager
def make_run(project: Path) -> Iterator[LiveServer]:
    """Run ``make run`` on a free port."""
    port, log = free_port(), project / "log"
    env = {"PATH": os.environ["PATH"], "HOME": str(project), "PORT": str(port)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run"], cwd=project, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = LiveServer(port, "", process, log)
    try:
        await_start(server)
        yield server
    finally:
        end(process)


@needs
@pytest.mark.any_database  # it is on SQLite
def test_make_run_and_the_curl_quickstart(tmp_path: Path) -> None:
    project = unpack(tmp_path)
    with make_run(project) as server:
        token = run_quickstart(server.port)
        replies = shell(server.port, readme_quickstart().replace("agent1", "agent2").replace("a1@", "a2@"))
        assert "detail" not in replies
        assert '"total_leads":4' in replies
        assert '"total_activities":3' in replies
        assert (project / "app.db").exists()
        assert (project / "staticfiles" / "admin" / "css" / "base.css").exists()
        assert "SECRET_KEY" not in server.log.read_text().replace("Wrote .env with a random SECRET_KEY", "")
    secret = re.search(r"^SECRET_KEY=(\S+)$", (project / ".env").read_text(), re.MULTILINE)
    assert secret
    with make_run(project) as server:  # again: the same secret and data, nothing to install
        assert curl(server.port, LIST, token)[0]["first_name"] == "Miguel"
        assert secret[0] in (project / ".env").read_text()
