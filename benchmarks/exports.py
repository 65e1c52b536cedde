"""Time and memory of ``manage.py export_leads``."""

import os
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from benchmarks.servers import PROJECT, environment

FORMATS = ("csv", "xlsx", "jsonl")


class ExportCost(NamedTuple):
    """Seconds, including the start of Python, and the peak memory in MB."""

    seconds: float
    memory: float


def export(url: str, format: str) -> ExportCost | None:
    """Measure an export of all active leads to a file; return ``None`` if it is refused (a workbook has a limit)."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "manage.py", "export_leads", "--output", f"{folder}/leads.{format}"]
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, env=environment(DATABASE_URL=url), stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        return None if status else ExportCost(time.perf_counter() - began, used.ru_maxrss / 1024)


def table(url: str, leads: int) -> str:
    """Return a line of text for each format."""
    lines = []
    for format in FORMATS:
        cost = export(url, format)
        result = f"{cost.seconds:.1f} s ({leads / cost.seconds:,.0f}/s), {cost.memory:.0f} MB" if cost else "refused"
        lines.append(f"- {leads:,} leads as {format}: {result}")
    return "\n".join(lines)
