"""Load from wrk: a script for each call, one burst at a time, and what it measured."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calls import Call
from benchmarks.servers import Clock, Server, wait_until_idle

MAX_REPLY = "120s"
DONE = """
done = function(summary, latency, requests)
  local e = summary.errors
  print(string.format('RESULT {"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p95": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


@dataclass(frozen=True)
class Burst:
    """One burst: a rate, latencies in ms, and the CPU of the server and of PostgreSQL in ms a request."""

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float | None
    database: float | None


class CallFailed(Exception):
    """A server does not reply to a call with success."""


def check_installed() -> None:
    """Exit with a message if wrk is missing."""
    if not shutil.which("wrk"):
        sys.exit("The benchmarks need wrk, a load generator (Debian: apt install wrk).")


def script(call: Call, headers: dict[str, str]) -> str:
    """Return the script for wrk, which sends the variants of the call in turn."""
    lines = [f"wrk.method = {_lua(call.method)}", 'wrk.headers["Content-Type"] = "application/json"']
    lines += [f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in headers.items()]
    lines += [f"local paths = {{{', '.join(map(_lua, call.paths))}}}"]
    lines += [f"local bodies = {{{', '.join(_lua(body.decode()) for body in call.bodies)}}}"]
    lines += [
        "local i = 0",
        "request = function()",
        "  i = i + 1",
        "  local body = #bodies > 0 and bodies[(i - 1) % #bodies + 1] or nil",
        "  return wrk.format(nil, paths[(i - 1) % #paths + 1], nil, body)",
        "end",
    ]
    return "\n".join(lines) + DONE


def _lua(text: str) -> str:
    return f" [==[{text}]==] "


def burst(server: Server, call: Call, connections: int, seconds: int) -> Burst:
    """Send requests for some seconds, and return the burst. Raise ``CallFailed`` if a reply is not 2xx."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "call.lua"
        file.write_text(script(call, server.headers))
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            MAX_REPLY,
            "-s",
            str(file),
            server.url,
        ]
        clock = Clock(server)
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    wait_until_idle(server)
    own, database = clock.spent()
    found = [line for line in ran.stdout.splitlines() if line.startswith("RESULT ")]
    if not found:
        sys.exit(f"wrk failed: {ran.stdout}{ran.stderr}")
    result = json.loads(found[0].removeprefix("RESULT "))
    if result["errors"]:
        raise CallFailed(f"{server.name}, {call.name}: {result['errors']} errors of {result['requests']} requests")
    done = result["requests"] or 1
    return Burst(
        rate=result["requests"] / result["seconds"],
        p50=result["p50"],
        p95=result["p95"],
        p99=result["p99"],
        cpu=own / done * 1000 if server.process else None,
        database=database / done * 1000 if database else None,
    )
