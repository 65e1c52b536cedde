"""``python -m benchmarks``: fill databases, start servers, load them in turn, write the tables. See README.md."""

import argparse
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import exports, fill, report, wrk
from benchmarks.calls import Call, calls
from benchmarks.report import Results
from benchmarks.servers import PROJECT, Server, environment, start_floor, start_ours, start_peer, worker_memory
from benchmarks.statements import counted

DEFAULT_URL = "postgresql://postgres@127.0.0.1:5432/crm_bench"
BARE = "bare"  # the server of floor.py
MAX_BURST = 10  # seconds; a call that takes seconds is measured for that long, in one round
MAX_COUNTED = 10**5  # bytes of a body; thousands of statements pass the counting proxy slowly


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--leads", default="10000,100000,1000000", help="sizes, smallest first (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="of one burst (%(default)s)")
    parser.add_argument(
        "--peer", type=Path, help="folder of another server with a run.sh, to start on a copy of the data"
    )
    parser.add_argument("--peer-from", type=int, default=0, help="the least number of leads to start it with")
    parser.add_argument("--indexed", action="store_true", help="start it over a database with our indexes alone")
    parser.add_argument("--connections", type=int, help="measure calls only at this number, if they have it")
    parser.add_argument("--versus", help="URL of another running server that has a copy of the data")
    parser.add_argument("--only", default="", help="calls whose names contain one of these phrases, comma separated")
    parser.add_argument("--database", help="name instead of that of DATABASE_URL; _10k, _100k, _1m are added")
    parser.add_argument("--keep", action="store_true", help="keep the databases, and use those of an earlier run")
    parser.add_argument("--save", action="store_true", help="write benchmarks/RESULTS.md")
    return parser.parse_args()


def main() -> None:
    """Measure all calls, and write the report."""
    options = arguments()
    wrk.check_installed()
    base = os.environ.get("DATABASE_URL") or DEFAULT_URL
    if options.database:
        base = urlsplit(base)._replace(path=f"/{options.database}").geturl()
    results: Results = {}
    counts: dict[str, dict[str, int]] = {}
    memory: dict[str, float | None] = {}
    exported: list[str] = []
    sizes = [int(size) for size in options.leads.split(",")]
    for size in sizes:
        with ExitStack() as stack:
            servers = prepare(options, base, size, stack)
            selected = select_calls(calls(size), options.only)
            for call in selected:
                try:
                    measure(options, size, call, servers, results)
                except wrk.CallFailed as failed:
                    say(f"LEFT OUT: {failed}")
                    results = {key: bursts for key, bursts in results.items() if key[:2] != (size, call.name)}
            time.sleep(2)  # memory that is given back a moment later is given back
            memory = {server.name: worker_memory(server) for server in servers if server.process}
            if size == sizes[0] and not fill.is_sqlite(base):
                counts = {
                    server.name: count_statements(options, server, selected)
                    for server in servers
                    if server.process and server.name != BARE
                }
            if not options.only or "export" in options.only:
                say("exporting …")
                exported.append(exports.table(str(servers[0].database_url), size))
    names = list(dict.fromkeys(server for _, _, server, _ in results))
    write(options, base, results, names, memory, counts, exported)


def select_calls(known: list[Call], words: str) -> list[Call]:
    """Return the calls whose names contain one of the phrases in ``words``; all if there is none."""
    phrases = [rf"\b{re.escape(phrase.strip())}\b" for phrase in words.split(",") if phrase.strip()]
    return [call for call in known if not phrases or re.search("|".join(phrases), call.name)]


def prepare(options: argparse.Namespace, base: str, size: int, stack: ExitStack) -> list[Server]:
    """Fill the databases, and return the started servers. The stack stops the servers and drops the databases."""
    url = f"{base}_{size // 1000}k" if size < 10**6 else f"{base}_{size // 10**6}m"
    if new_database(options, url, stack):
        say(f"filling {url} with {size:,} leads …")
        command = [sys.executable, "-m", "benchmarks.fill", str(size)]
        if subprocess.run(command, cwd=PROJECT, env=environment(DATABASE_URL=url), check=False).returncode:
            fill.drop(url)  # half a database is of no use
            sys.exit("filling the database failed")
    ours = start_ours("ours", url)
    stack.callback(ours.stop)
    servers = [ours]
    if options.peer and size >= options.peer_from:
        servers += start_peers(options, url, stack)
    if options.versus:
        servers.append(Server("versus", options.versus.rstrip("/")))
    for server in servers:
        server.log_in()
    if not fill.is_sqlite(url):
        servers.append(start_floor(BARE, url))
        stack.callback(servers[-1].stop)
        servers[-1].headers = dict(ours.headers)
    command = [sys.executable, "-m", "benchmarks.fill", "cookie"]
    cookie = subprocess.run(
        command, cwd=PROJECT, env=environment(DATABASE_URL=url), check=True, capture_output=True, text=True
    )
    ours.headers["Cookie"] = cookie.stdout.strip().strip('"')
    return servers


def start_peers(options: argparse.Namespace, url: str, stack: ExitStack) -> list[Server]:
    """Start the peer unchanged, and again on a database with our indexes."""
    plain, indexed = f"{url}_peer", f"{url}_peer_indexed"
    if new_database(options, plain, stack):
        say("copying the rows for the peer …")
        start_peer("peer", options.peer, plain, 1).stop()  # makes its tables
        fill.copy_to_peer(url, plain)
    databases = {} if options.indexed else {"peer": plain}
    if not fill.is_sqlite(url):
        if new_database(options, indexed, stack, template=urlsplit(plain).path[1:]):
            fill.index_peer(indexed)
        databases["peer, our indexes"] = indexed
    peers = [start_peer(name, options.peer, database) for name, database in databases.items()]
    for peer in peers:
        stack.callback(peer.stop)
    return peers


def new_database(options: argparse.Namespace, url: str, stack: ExitStack, template: str | None = None) -> bool:
    """Create a database that the stack drops, or with ``--keep`` one that remains; return whether it is new."""
    if options.keep:
        return fill.create(url, template)
    fill.drop(url)
    stack.callback(fill.drop, url)
    return fill.create(url, template)


def measure(options: argparse.Namespace, size: int, call: Call, servers: list[Server], results: Results) -> None:
    """Measure all rounds of one call, with the servers in turn."""
    measured = [server for server in servers if server is servers[0] or _has(server, call)]
    durations = {server.name: _seconds_alone(server, call) for server in measured}
    for turn in range(options.rounds):
        for connections in [n for n in call.connections if n == options.connections] or call.connections:
            for server in measured:
                expected = durations[server.name] * connections
                if turn and expected > options.seconds:
                    continue
                seconds = int(min(max(options.seconds, 3 * expected), MAX_BURST))
                burst = wrk.burst(server, call, connections, seconds)
                results.setdefault((size, call.name, server.name, connections), []).append(burst)
    key = next(key for key in reversed(results) if key[:3] == (size, call.name, servers[0].name))
    say(f"{size:>9,}  {call.name:<26} {report.middle(results[key]).rate:10.1f} req/s")


def _has(server: Server, call: Call) -> bool:
    return call.bare if server.name == BARE else not call.ours_only


def _seconds_alone(server: Server, call: Call) -> float:
    """Return how long the second request of a call takes, which decides how long a burst must be."""
    for variant in (0, 1):
        begin = time.perf_counter()
        status, reply = server.send(call.method, call.paths[variant % len(call.paths)], call.body(variant))
        if not 200 <= status < 300:
            raise wrk.CallFailed(f"{server.name}, {call.name}: {status} {reply[:200]!r}")
    return time.perf_counter() - begin


def count_statements(options: argparse.Namespace, server: Server, selected: list[Call]) -> dict[str, int]:
    """Return the statements of the second request of each call, on an extra server behind a counting proxy."""
    assert server.database_url
    counts = {}
    with counted(server.database_url) as (counter, url):
        ours = server.name == "ours"
        extra = (
            start_ours("ours", url, WORKERS="1", THREADS="1") if ours else start_peer(server.name, options.peer, url, 1)
        )
        extra.headers = server.headers
        for call in selected:
            if (call.ours_only and not ours) or len(call.body(0) or b"") > MAX_COUNTED:
                continue
            for variant in (0, 1):
                before = counter.statements
                extra.send(call.method, call.paths[variant % len(call.paths)], call.body(variant))
                counts[call.name] = counter.statements - before
        extra.stop()
    return counts


def write(
    options: argparse.Namespace,
    base: str,
    results: Results,
    names: list[str],
    memory: dict[str, float | None],
    counts: dict[str, dict[str, int]],
    exported: list[str],
) -> None:
    """Print the report, and save it with ``--save``."""
    parts = [report.heading(fill.version_of(base), "python -m benchmarks " + " ".join(sys.argv[1:]))]
    for size in sorted({size for size, *_ in results}, reverse=True):
        for connections in (8, 1):
            if table := [key for key in results if key[0] == size and key[3] == connections]:
                parts += [f"## {size:,} leads, {connections} connection{'s' * (connections > 1)}"]
                parts += [report.speed(results, table[0][0], names, connections)]
    parts += ["## Growth: p50 in ms, the fewest connections measured", report.growth(results, names[0])]
    if counts:
        parts += ["## Statements a request", report.statements(counts)]
    sizes = ", ".join(f"{name} {size:.0f}" for name, size in memory.items() if size)
    parts += ["## Memory", f"MB of PSS of the larger worker after all calls: {sizes}."]
    if exported:
        parts += ["## Export: `manage.py export_leads`, the start of Python included", "\n".join(exported)]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if options.save:
        report.save("The API on SQLite" if fill.is_sqlite(base) else "The API on PostgreSQL", text)


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
