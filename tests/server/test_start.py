"""The start of a server: its messages and errors."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PROJECT, LiveServer, environment, free_port, fresh_database, serving, without_python

pytestmark = pytest.mark.any_database  # most name a database themselves

EARLIER = """\
# Use an **async** driver (aiosqlite for dev). Do NOT use "sqlite:///..."
DATABASE_URL=sqlite+aiosqlite:///{folder}/app.db

SECRET_KEY=change-me
ALGORITHM=HS256
ACCESS_TOKEN_EXPIRE_MINUTES=1440
CORS_ORIGINS=http://localhost:5173,http://localhost:3000
"""


def refusal(**variables: str) -> str:
    """Return the output of a start that fails with ``variables``."""
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env=environment(**{"PORT": str(free_port()), **variables}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr


def earlier_env(folder: Path) -> str:
    """Return the path of a ``.env`` as the earlier server's documentation gave it."""
    path = folder / "earlier.env"
    path.write_text(EARLIER.format(folder=f"/{folder}".replace("//", "/")))
    return str(path)


def test_the_addresses_are_printed(server: LiveServer) -> None:
    log = without_python(server.log.read_text())
    assert f"{server.url}/docs" in log
    assert f"{server.url}/admin/" in log
    assert "make admin" in log  # nobody may enter it yet
    assert "arning" not in log


def test_the_earlier_servers_env_file_starts_with_one_warning(tmp_path: Path) -> None:
    with serving(("SECRET_KEY", "DATABASE_URL"), ENV_FILE=earlier_env(tmp_path)) as server:
        account = {"username": "agent1", "password": "pass123456", "email": "a1@example.com"}
        names = {"first_name": "Agent", "last_name": "One"}
        assert server.send("POST", "/api/users/register", {**account, **names}).status == 201
        login = server.send("POST", "/api/users/login", account, {"Origin": "http://localhost:3000"})
        assert set(login.json()) == {"access_token", "token_type"}
        assert login.headers["access-control-allow-origin"] == "http://localhost:3000"
        log = without_python(server.log.read_text())
    assert log.lower().count("warning") == log.count("SECRET_KEY") == 1
    assert "change-me" not in log
    assert (tmp_path / "app.db").exists()


def test_a_weak_secret_is_for_this_machine_only(tmp_path: Path) -> None:
    printed = refusal(SECRET_KEY="change-me", HOST="0.0.0.0", DATABASE_URL=f"sqlite:///{tmp_path}/x.db")
    assert "SECRET_KEY" in printed
    assert "make secret" in printed
    assert "change-me" not in printed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "99999"),
        ("DATABASE_URL", "mysql://root:hunter2@localhost/crm"),
        ("DATABASE_URL", "postgresql://root:hunter2@localhost:port/crm"),
        ("ALGORITHM", "none"),
        ("DEBUG", "perhaps"),
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
        ("CORS_ORIGINS", "*"),
        ("CORS_HEADERS", "*"),
        ("CORS_HEADERS", "x-one x-two"),
        ("SECRET_KEY", " "),
        ("WORKERS", "-1"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("EMAIL_URL", "smtp://u:hunter2@mail.example.com:port"),
        ("CURRENCY", "euro"),
    ],
)
def test_a_malformed_variable_stops_the_start_by_its_name(name: str, value: str) -> None:
    printed = refusal(**{name: value})
    assert name in printed
    assert "Traceback" not in printed
    assert "hunter2" not in printed
    assert len(printed.splitlines()) == 1


def test_no_secret_at_all_stops_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env=environment(("SECRET_KEY",)),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_said(server: LiveServer, tmp_path: Path) -> None:
    printed = refusal(PORT=str(server.port), DATABASE_URL=f"sqlite:///{tmp_path}/x.db")
    assert f"PORT={server.port} is in use" in printed
    assert "Traceback" not in printed


def test_a_database_file_that_cannot_be_is_said(tmp_path: Path) -> None:
    printed = refusal(DATABASE_URL=f"sqlite:///{tmp_path}/missing/x.db")
    assert "database" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_database_server_that_is_away_is_waited_for(stop: signal.Signals) -> None:
    """The start waits for the database, or until a signal, which is not an error."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env=environment(DATABASE_URL=f"postgresql://crm:hunter2@127.0.0.1:{free_port()}/crm", PORT=str(free_port())),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = next(line for line in process.stderr if without_python(line))
    process.send_signal(stop)
    rest = process.communicate(timeout=20)[1]
    assert first.startswith("Waiting for the database")
    assert "hunter2" not in first + rest
    assert rest == ""
    assert process.returncode == 0


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_counts_wherever_the_start_is(stop: signal.Signals, tmp_path: Path) -> None:
    """Also where Python ignores exceptions of a signal handler: in a finalizer."""
    signalled = f"""
import os, signal, sys
import gc

class Ending:
    def __del__(self):
        signal.raise_signal({stop:d})

gc.collect = Ending
sys.argv = ["manage.py", "serve"]
import manage
manage.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", signalled],
        cwd=PROJECT,
        env=environment(DATABASE_URL=f"sqlite:///{tmp_path}/x.db", PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, without_python(done.stderr)) == (0, "")


def test_a_database_that_a_later_version_changed_causes_a_warning() -> None:
    later = "from django.db import connection as c; from django.db.migrations.recorder import MigrationRecorder as M; "
    later += "[M(c).record_applied(app, '9999_later') for app in ('leads', 'removed')]"
    with fresh_database() as database_url:
        for command in (["migrate", "--verbosity", "0"], ["shell", "-c", later]):
            manage = [sys.executable, "manage.py", *command]
            subprocess.run(manage, cwd=PROJECT, env=environment(DATABASE_URL=database_url), check=True)
        with serving(DATABASE_URL=database_url) as server:
            (warning,) = [line for line in without_python(server.log.read_text()).splitlines() if "arning" in line]
    assert "a later version" in warning
    assert "(leads.9999_later)" in warning


def test_listening_everywhere_without_names_is_said() -> None:
    with serving(HOST="0.0.0.0") as server:
        assert "ALLOWED_HOSTS" in server.log.read_text()
    with serving(HOST="0.0.0.0", ALLOWED_HOSTS="crm.example,127.0.0.1") as server:
        assert "ALLOWED_HOSTS" not in server.log.read_text()
        assert server.send("GET", "/", headers={"Host": "crm.example"}).status == 200


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("PORT=1\nBODY_MAX_BYTES=2048\n")
    with serving(ENV_FILE=str(tmp_path / "env")) as server:
        assert server.send("POST", "/api/leads", b"x" * 3000).json() == {"detail": "The body is larger than 2048 bytes"}


def test_a_host_may_be_a_name() -> None:
    with serving(HOST="localhost") as server:
        assert server.send("GET", "/").status == 200


def test_a_host_that_is_nowhere_is_one_line() -> None:
    assert "HOST=no-such-host.invalid" in refusal(HOST="no-such-host.invalid")
