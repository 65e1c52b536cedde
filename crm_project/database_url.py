"""``DATABASE_URL`` as Django's ``DATABASES["default"]``, the earlier server's async URLs included."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import dj_database_url
import psycopg
from psycopg.conninfo import make_conninfo

from crm_project.db.deadline import STATEMENT_TIMEOUT

SCHEMES = ("sqlite", "postgres", "postgresql")

# WAL lets readers go on while one writes; IMMEDIATE takes the write lock at BEGIN, where the busy timeout applies
# (a lock upgraded in mid-transaction fails at once). synchronous stays FULL: what was told done outlives a power cut.
# Whoever commits puts the log into the database once it holds this many pages (32 MB); with the usual thousand, each
# bulk did, and took a third longer. Requests need less of a cache than an import, and are many connections.
LOGGED, CACHE, SMALL_CACHE = 8_000, 24, 8  # pages, MiB, MiB
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
    "init_command": f"PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint={LOGGED}; PRAGMA cache_size=-{CACHE * 1024}",
}

# Not PostgreSQL's.
OURS = frozenset(("patience", "pool", "isolation_level", "server_side_binding", "assume_role", "prepare_threshold"))
SQLITE, POSTGRESQL = "crm_project.db.sqlite", "crm_project.db.postgresql"
CONNECT_TIMEOUT = 5  # seconds, for each address of the server

PATIENCE = 15  # seconds for an answer, where PostgreSQL itself hangs and keeps no timeout


def parse(url: str, base: Path) -> dict[str, Any]:
    """One Django database configuration for ``url``; relative SQLite paths are taken from ``base``.

    Raises ``ValueError`` with a sentence that never repeats the URL, which may hold a password.
    """
    match = re.match(r"([a-z]+)(\+(?:aiosqlite|pysqlite|asyncpg|psycopg|psycopg2))?://", url)
    if not match or match[1] not in SCHEMES:
        raise ValueError("use sqlite:///file or postgresql://user:password@host:port/name")
    plain = match[1] + url[match.end(1) + len(match[2] or "") :]
    return _sqlite(plain, base) if match[1] == "sqlite" else _postgresql(plain)


def _sqlite(url: str, base: Path) -> dict[str, Any]:
    path, _, query = url.removeprefix("sqlite:///").partition("?")
    if not url.startswith("sqlite:///") or path in ("", ":memory:"):
        raise ValueError("a SQLite URL names a file: sqlite:///app.db (in the project) or sqlite:////absolute/app.db")
    options = {**SQLITE_OPTIONS, "timeout": _seconds(query)}
    # Opening the file takes as long as all else that a request does.
    return {"ENGINE": SQLITE, "NAME": str(base / path), "OPTIONS": options, "CONN_MAX_AGE": 600}


def _seconds(query: str) -> float:
    """How long a statement waits for another process's lock; ``?timeout=30`` as SQLite's drivers have it."""
    given = parse_qs(query).get("timeout", [str(SQLITE_OPTIONS["timeout"])])[-1]
    try:
        seconds = float(given)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:
        raise ValueError("timeout is seconds to wait for a lock, 0 to 3600: sqlite:///app.db?timeout=30")
    return seconds


def _postgresql(url: str) -> dict[str, Any]:
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, dj_database_url.ParseError):
        raise ValueError("not a PostgreSQL URL: postgresql://user:password@host:port/name") from None
    if not config.get("NAME"):
        raise ValueError("the PostgreSQL URL names no database")
    options = dict(config.get("OPTIONS", {}))
    if "ssl" in options:  # asyncpg's name for it
        options["sslmode"] = options.pop("ssl")
    # Compiling a statement's plan takes PostgreSQL longer than the longest of ours runs: 0.15 s where it misjudges.
    options["options"] = f"{options.get('options', '')} -c jit=off".strip()
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    options["prepare_threshold"] = 5  # psycopg's own; without one it prepares nothing, whatever it is asked for
    _check_options(options)
    return config | {"ENGINE": POSTGRESQL, "OPTIONS": options, "CONN_MAX_AGE": None}


def _check_options(options: dict[str, Any]) -> None:
    for name in options.keys() & {"connect_timeout", "patience"}:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", str(options[name])):
            raise ValueError(f"{name} is a number of seconds: postgresql://…/name?{name}=20")
    try:
        make_conninfo("", **{name: value for name, value in options.items() if name not in OURS})
    except psycopg.ProgrammingError:
        raise ValueError("PostgreSQL knows no such option as one behind the question mark") from None


def suit_requests(config: dict[str, Any], connections: int) -> None:
    """Have PostgreSQL give up a statement after ``STATEMENT_TIMEOUT``, over a pool of that many connections.

    For processes that answer requests; commands may take their time, on a connection of their own. What the URL itself
    says (``-c statement_timeout=…`` among its options, ``patience``) wins. SQLite has its busy timeout, and is given a
    smaller cache.
    """
    if config["ENGINE"] == SQLITE:
        config["OPTIONS"]["init_command"] += f"; PRAGMA cache_size=-{SMALL_CACHE * 1024}"
    if config["ENGINE"] == POSTGRESQL:
        own = config["OPTIONS"].get("options", "")
        limit = f"-c statement_timeout={STATEMENT_TIMEOUT}"
        config["OPTIONS"]["options"] = own if own.startswith(limit) else f"{limit} {own}".strip()
        config["OPTIONS"].setdefault("patience", PATIENCE)
        config["OPTIONS"]["pool"] = _pool(connections, float(config["OPTIONS"]["connect_timeout"]))
        config["CONN_MAX_AGE"] = 0  # a request's connection goes back to the pool
        config["CONN_HEALTH_CHECKS"] = False  # crm_project/postgresql looks at each without asking the server


def _pool(connections: int, patience: float) -> dict[str, Any]:
    """The options of psycopg's pool, for Django's ``pool``."""
    from crm_project.db.postgresql.base import Connection  # Django's backends read the settings

    return {
        "connection_class": Connection,
        "min_size": 0,
        "max_size": connections,
        "timeout": patience,  # seconds that a request waits for a connection
        "reconnect_timeout": 1.0,  # seconds after which a connection that cannot be made is left to the next request
        "num_workers": 1,
    }


def longest_wait(config: dict[str, Any]) -> float:
    """Seconds that a request which writes may wait, for a thread and for locks together."""
    return float(config["OPTIONS"]["timeout"]) if config["ENGINE"] == SQLITE else STATEMENT_TIMEOUT / 1000
