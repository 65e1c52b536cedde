"""The systemd units of the documents: valid, and with restrictions."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import PROJECT

UNIT = r"`/etc/systemd/system/([^`]+)`[^\n]*:\n\n```ini\n(.*?)```"
PAGES = "".join((PROJECT / "docs" / name).read_text() for name in ("deploy.md", "operations.md"))
UNITS = dict(re.findall(UNIT, PAGES, re.DOTALL))


def test_the_server_and_its_jobs_are_confined() -> None:
    for name in ("crm@.service", "crm-jobs.service"):
        lines = UNITS[name].splitlines()
        for setting in ("UMask=0077", "NoNewPrivileges=true", "ProtectSystem=strict", "PrivateTmp=true"):
            assert setting in lines, name
        names = {line.partition("=")[0] for line in lines}
        assert "MemoryMax" in names
        assert "ReadWritePaths" not in names  # with PostgreSQL, all files are in the database


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_knows_every_setting(tmp_path: Path) -> None:
    for name, text in UNITS.items():
        here = text.replace("/srv/crm/.venv/bin/python", sys.executable).replace("/srv/crm", str(tmp_path))
        (tmp_path / name).write_text(here.replace("User=crm", "User=root"))
    units = [str(tmp_path / name.replace("@", "@1")) for name in UNITS]
    command = ["systemd-analyze", "verify", *units]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
