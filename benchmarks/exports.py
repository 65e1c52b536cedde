"""How long ``manage.py export_leads`` takes, and how much memory."""

import os
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from benchmarks.servers import PROJECT, environment

FORMATS = ("csv", "xlsx", "jsonl")


class Took(NamedTuple):
    """Seconds, the start of Python included, and the most memory in MB."""

    seconds: float
    memory: float


def export(url: str, format: str) -> Took | None:
    """One export of all active leads, to a file; ``None`` where it is refused (a workbook has an end)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "manage.py", "export_leads", "--output", f"{folder}/leads.{format}"]
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(DATABASE_URL=url), stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        return None if status else Took(time.perf_counter() - began, used.ru_maxrss / 1024)


def table(url: str, leads: int) -> str:
    """All formats, as a line of text each."""
    lines = []
    for format in FORMATS:
        took = export(url, format)
        result = f"{took.seconds:.1f} s ({leads / took.seconds:,.0f}/s), {took.memory:.0f} MB" if took else "refused"
        lines.append(f"- {leads:,} leads as {format}: {result}")
    return "\n".join(lines)
