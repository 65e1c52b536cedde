"""How many workers start without WORKERS, by the limits of a container."""

import os
from pathlib import Path

import pytest

from crm_project.operations.limits import MAX_WORKERS, workers

CORES = len(os.sched_getaffinity(0))


def test_without_limits_one_for_each_core(tmp_path: Path) -> None:
    assert workers(tmp_path) == min(CORES, MAX_WORKERS)
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert workers(tmp_path) == min(CORES, MAX_WORKERS)


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ("50000 100000", "max", 1),  # half a core
        ("150000 100000", "max", min(2, CORES)),
        ("max 100000", "500000000", 1),
        ("max 100000", "1000", 1),
        ("max 100000", str(900 * 2**20), min(2, CORES)),
    ],
)
def test_a_container_gets_what_fits_into_it(tmp_path: Path, cpu: str, memory: str, expected: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{cpu}\n")
    (tmp_path / "memory.max").write_text(f"{memory}\n")
    assert workers(tmp_path) == expected
