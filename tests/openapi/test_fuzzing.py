"""A live server against its own schema: Schemathesis makes up requests, valid and not, and checks every reply."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PROJECT, LiveServer, serving

pytestmark = [pytest.mark.slow, pytest.mark.any_database]

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 5  # an operation; the same ones every time
ENDS_TOKENS = "/api/users/(logout|me/password)"  # the run's own among them
ROWS = 20  # in a bulk; making up lists of ten thousand takes the longest


def test_nothing_is_found(tmp_path: Path) -> None:
    with serving(BULK_MAX_ROWS=str(ROWS)) as server:
        ran = schemathesis(server, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in ran.stdout, f"no {phase} phase:\n{ran.stdout}"
    assert "No issues found" in ran.stdout, ran.stdout


def schemathesis(server: LiveServer, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run all its checks and phases, as a registered agent."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"{server.url}/openapi.json", "--header", f"Authorization: {server.token()['Authorization']}"),
            *("--seed", "1", "--max-examples", str(EXAMPLES), "--generation-database", "none"),
            *("--exclude-path-regex", ENDS_TOKENS),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance,negative_data_rejection"),
            *("--continue-on-failure", "--no-color"),
        ],
        cwd=folder,  # it leaves a folder of its own behind
        env={**os.environ, "PYTHONPATH": str(PROJECT), "SCHEMATHESIS_HOOKS": "tests.openapi.fuzzing_checks"},
        capture_output=True,
        text=True,
        check=False,
    )
