"""How many workers this machine, container or systemd unit has room for."""

import math
import os
from contextlib import suppress
from pathlib import Path

MAX_WORKERS = 4
WORKER_MEMORY = 400 * 2**20  # bytes of a worker at work, as docs/deploy.md has it
CGROUPS = Path("/sys/fs/cgroup")


def workers(cgroup: Path | None = None) -> int:
    """Return one worker for each core, fewer if the cgroup has less CPU time or memory; 1 to ``MAX_WORKERS``."""
    folder = cgroup or own_cgroup()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _content(folder / "cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal():
        cores = min(cores, math.ceil(int(quota) / int(period)))
    memory = _content(folder / "memory.max")
    fitting = int(memory) // WORKER_MEMORY if memory.isdecimal() else MAX_WORKERS
    return max(1, min(cores, fitting, MAX_WORKERS))


def own_cgroup() -> Path:
    """Return the folder of this process's cgroup (version 2), which need not exist."""
    path = _content(Path("/proc/self/cgroup")).removeprefix("0::").lstrip("/")
    return CGROUPS if "\n" in path or ":" in path else CGROUPS / path


def _content(file: Path) -> str:
    with suppress(OSError):
        return file.read_text().strip()
    return ""
