"""A server that other machines can reach does not start with settings for one machine."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crm_project.operations import checks, interpreter
from tests.live import PROJECT, environment, free_port, serving, without_python

pytestmark = pytest.mark.any_database

WEAK = "change-me"
REACHABLE = [
    {"HOST": "0.0.0.0"},
    {"HOST": "::"},
    {"HTTPS": "true"},
    {"TRUSTED_PROXIES": "127.0.0.1"},
    {"ALLOWED_HOSTS": "localhost,crm.example.com"},
    {"ALLOWED_HOSTS": "*"},
]
UNSAFE = [
    ("SECRET_KEY", {"SECRET_KEY": WEAK}),
    ("SECRET_KEY_FALLBACKS", {"SECRET_KEY_FALLBACKS": WEAK}),
    ("DEBUG", {"DEBUG": "true"}),
    ("REGISTRATION_OPEN", {}),
]
STARTS = [(reachable, *UNSAFE[-1]) for reachable in REACHABLE]
STARTS += [({"HTTPS": "true"}, *unsafe) for unsafe in UNSAFE[:-1]]
IMPORT_WSGI = "import crm_project.wsgi"  # all that gunicorn and the like do of ours


def run(*command: str, without: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with that environment."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment(without, **{"PORT": str(free_port()), **variables}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("reachable", "name", "unsafe"), STARTS, ids=str)
def test_serve_stops_and_names_the_variable(
    reachable: dict[str, str], name: str, unsafe: dict[str, str], tmp_path: Path
) -> None:
    without = () if unsafe else ("REGISTRATION_OPEN",)
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    done = run("manage.py", "serve", without=without, **database, **reachable, **unsafe)
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    assert f'"{name}"' in sentence
    assert next(iter(reachable)) in sentence
    assert WEAK not in sentence
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize(("name", "unsafe"), UNSAFE, ids=[name for name, _ in UNSAFE])
def test_so_does_any_other_server(name: str, unsafe: dict[str, str], tmp_path: Path) -> None:
    without = () if unsafe else ("REGISTRATION_OPEN",)
    database = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    done = run("-c", IMPORT_WSGI, without=without, HTTPS="true", **database, **unsafe)
    assert done.returncode != 0
    assert f'"{name}"' in done.stderr.splitlines()[-1]
    assert run("-c", IMPORT_WSGI, without=without, **database, **unsafe).returncode == 0


def test_registration_is_one_of_three() -> None:
    done = run("manage.py", "serve", REGISTRATION_OPEN="perhaps")
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert '"REGISTRATION_OPEN"' in sentence
    assert "approval" in sentence


@pytest.mark.parametrize(("asked", "required"), [(None, "managers"), ("nobody", "nobody")])
def test_where_others_reach_it_managers_need_a_second_factor(settings: Any, asked: str | None, required: str) -> None:
    settings.SECOND_FACTOR_SET = asked is not None
    settings.REQUIRE_SECOND_FACTOR = asked or "nobody"
    settings.REGISTRATION_SET, settings.WEAK_KEYS = True, []
    checks.reachable_because("192.0.2.7")
    assert required == settings.REQUIRE_SECOND_FACTOR


def test_this_machine_alone_keeps_the_defaults() -> None:
    with serving(("REGISTRATION_OPEN", "HOST")) as server:
        log = without_python(server.log.read_text())
    assert "this machine only" in log
    assert "Registration   open" in log
    assert "Second factor  optional (REQUIRE_SECOND_FACTOR=nobody)" in log
    assert "arning" not in log


def test_a_start_says_through_what_others_reach_it_and_who_may_register() -> None:
    """Also a warning about CORS origins of development."""
    origins = "http://localhost:5173,https://app.example.com"
    with serving(HTTPS="true", REGISTRATION_OPEN="approval", CORS_ORIGINS=origins) as server:
        log = without_python(server.log.read_text())
    assert "other machines (HTTPS=true)" in log
    assert "Registration   by approval" in log
    assert "Second factor  required of superusers and managers (REQUIRE_SECOND_FACTOR=managers)" in log
    (warning,) = [line for line in log.splitlines() if "arning" in line]
    assert "CORS_ORIGINS contains http://localhost:5173 although" in warning


@pytest.mark.parametrize(
    ("is_open", "approval", "said"), [(True, False, "open"), (False, False, "closed"), (True, True, "by approval")]
)
def test_who_may_register(is_open: bool, approval: bool, said: str, settings: Any) -> None:
    settings.REGISTRATION_OPEN, settings.REGISTRATION_APPROVAL = is_open, approval
    assert checks.registration().startswith(said)


def test_a_python_with_known_holes_is_warned_of() -> None:
    expected = interpreter.warning(sys.version_info[:3], interpreter.AS_OF)
    with serving() as server:
        found = [line for line in server.log.read_text().splitlines() if line.startswith("Warning: Python ")]
    assert found == ([f"Warning: {expected}"] if expected else [])
