"""Kills under load, and an audit after each. ``make torture`` does this longer."""

import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.conf import settings

from tests.live import serving
from tests.server.test_stop import answers, eventually, workers
from tests.torture.campaign import Report, campaign, fight_on
from tests.torture.cluster import own_cluster, programs

SEED = 7


def fought(folder: Path, kills: int) -> Report:
    """Use the kind of database of the tests, with a PostgreSQL cluster that may be killed."""
    sqlite = settings.DATABASE_URL.startswith("sqlite")
    if not sqlite and programs() is None:
        pytest.skip("needs PostgreSQL's programs")
    with nullcontext() if sqlite else own_cluster() as cluster:
        url = cluster.url if cluster else f"sqlite:///{folder}/t.db"
        with campaign(url, cluster, folder, SEED) as fight:
            return fight_on(fight, kills)


def test_nothing_acknowledged_is_lost_and_nothing_is_done_by_half(tmp_path: Path) -> None:
    """One kill of each kind: a worker, the server, an import, PostgreSQL, a process of PostgreSQL."""
    kinds = 3 if settings.DATABASE_URL.startswith("sqlite") else 5
    report = fought(tmp_path, kinds)
    assert report.findings == []
    assert report.audits == len(report.kills) == kinds
    assert report.totals["acknowledged"] > 0
    assert report.verified.endswith("no differences")
    assert "Traceback" not in (tmp_path / "server.log").read_text()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc")
def test_workers_killed_again_and_again_are_replaced(tmp_path: Path) -> None:
    with serving(WORKERS="1") as server:
        for _ in range(3):
            before = workers(server)
            assert len(before) == 1
            os.kill(*before, signal.SIGKILL)
            assert eventually(lambda before=before: bool(workers(server) - before) and answers(server))
            assert server.send("GET", "/").status == 200
        assert server.stop() == 0
