"""``DATABASE_URL`` as Django's ``DATABASES["default"]``, also in the async form of the earlier server."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from crm_project.db.deadline import COMMAND_TIMEOUT, IDLE_TIMEOUT, STATEMENT_TIMEOUT

SCHEMES = ("sqlite", "postgres", "postgresql")

# WAL: reads continue during a write. IMMEDIATE: the write lock is taken at BEGIN, where the busy timeout applies; an
# upgrade of a lock fails at once. synchronous stays FULL: a committed write survives a power failure.
# A commit copies the log into the database once it has CHECKPOINT_PAGES (32 MB). With the default of 1000, every bulk
# request did so and took a third longer.
CHECKPOINT_PAGES = 8_000
CACHE, REQUEST_CACHE = 24, 8  # MiB; of commands such as imports, and of the many connections of requests
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
    "init_command": (
        f"PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}; PRAGMA cache_size=-{CACHE * 1024}"
    ),
}

# The parts of an address as libpq and as Django name them.
PARTS = {"user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT", "dbname": "NAME"}
# Options of Django, psycopg and this product, which libpq does not know.
NOT_LIBPQ = frozenset(
    ("response_timeout", "pool", "isolation_level", "server_side_binding", "assume_role", "prepare_threshold")
)
# Options of libpq with fixed values. It checks them when it connects, where an error looks like a server that is away.
CHOICES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
MAX_PORT = 65535
SQLITE, POSTGRESQL = "crm_project.db.sqlite", "crm_project.db.postgresql"
CONNECT_TIMEOUT = 5  # seconds, for each IP address of the server

REPLICA_CONNECT_TIMEOUT = 2  # seconds; where it is away, the primary answers
RESPONSE_TIMEOUT = 15  # seconds, for a PostgreSQL server that hangs and does not enforce its own timeout
COMMAND_LIMITS = f"-c idle_in_transaction_session_timeout={COMMAND_TIMEOUT} -c lock_timeout={COMMAND_TIMEOUT}"
REQUEST_LIMITS = f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT} -c statement_timeout={STATEMENT_TIMEOUT}"


def parse(url: str, base: Path) -> dict[str, Any]:
    """Return Django's database configuration for ``url``. Relative SQLite paths start at ``base``.

    Raises ``ValueError`` with a message that does not contain the URL, which may have a password.
    """
    match = re.match(r"([a-z]+)(\+(?:aiosqlite|pysqlite|asyncpg|psycopg|psycopg2))?://", url)
    if not match or match[1] not in SCHEMES:
        raise ValueError("use sqlite:///file or postgresql://user:password@host:port/name")
    plain = match[1] + url[match.end(1) + len(match[2] or "") :]
    return _sqlite(plain, base) if match[1] == "sqlite" else _postgresql(plain)


def parse_replica(url: str, primary: Mapping[str, Any]) -> dict[str, Any]:
    """Return Django's configuration of the database that follows ``primary``. Raises ``ValueError``."""
    if primary["ENGINE"] != POSTGRESQL or not url.startswith("postgres"):
        raise ValueError("a replica is of a PostgreSQL database: postgresql://user:password@host:port/name")
    config = parse(url, Path())
    config["OPTIONS"].setdefault("connect_timeout", REPLICA_CONNECT_TIMEOUT)
    return config | {"TEST": {"MIRROR": "default"}}


def _sqlite(url: str, base: Path) -> dict[str, Any]:
    path, _, query = url.removeprefix("sqlite:///").partition("?")
    if not url.startswith("sqlite:///") or path in ("", ":memory:"):
        raise ValueError("a SQLite URL names a file: sqlite:///app.db (in the project) or sqlite:////absolute/app.db")
    options = {**SQLITE_OPTIONS, "timeout": _seconds(query)}
    # Opening the file takes as long as the rest of a request.
    return {"ENGINE": SQLITE, "NAME": str(base / path), "OPTIONS": options, "CONN_MAX_AGE": 600}


def _seconds(query: str) -> float:
    """Return the lock timeout of ``?timeout=30``, SQLite drivers' name of the option."""
    value = parse_qs(query).get("timeout", [str(SQLITE_OPTIONS["timeout"])])[-1]
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 3600:
        raise ValueError("timeout is seconds to wait for a lock, 0 to 3600: sqlite:///app.db?timeout=30")
    return seconds


def _postgresql(url: str) -> dict[str, Any]:
    address, _, query = url.partition("?")
    try:
        parts: dict[str, Any] = conninfo_to_dict(address)  # libpq's reading: several hosts, IPv6, sockets
        options: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except (ValueError, psycopg.ProgrammingError):
        raise ValueError("not a PostgreSQL URL: postgresql://user:password@host:port/name") from None
    parts |= {name: options.pop(name) for name in PARTS if name in options}
    if not parts.get("dbname"):
        raise ValueError("the PostgreSQL URL names no database")
    if "@" in parts.get("host", ""):
        raise ValueError("an @ in a password is written %40: postgresql://user:p%40ss@host:port/name")
    for port in filter(None, parts.get("port", "").split(",")):
        if not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= MAX_PORT:
            raise ValueError(f"a port is a number from 1 to {MAX_PORT}: postgresql://user:password@host:port/name")
    if "ssl" in options:  # asyncpg's name for it
        options["sslmode"] = options.pop("ssl")
    pooled = _pooled(options)
    if not pooled:
        # JIT compilation takes up to 0.15 s, longer than any of our statements.
        options["options"] = f"{COMMAND_LIMITS} -c jit=off {options.get('options', '')}".strip()
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    options["prepare_threshold"] = 5  # psycopg's default, which Django disables
    _check_options(options)
    config = {key: parts.get(name, "") for name, key in PARTS.items()}
    config["PORT"] = config["PORT"].strip(",") and config["PORT"]
    more = {"ENGINE": POSTGRESQL, "OPTIONS": options, "CONN_MAX_AGE": None}
    return config | more | {"POOLED": pooled, "DISABLE_SERVER_SIDE_CURSORS": pooled}


def _pooled(options: dict[str, Any]) -> bool:
    """Take ``pooled`` out of the options: whether each transaction gets another connection of the server."""
    mode = options.pop("pooled", "")
    if mode not in ("", "transaction"):
        raise ValueError("pooled may be transaction: postgresql://…/name?pooled=transaction")
    if mode and "options" in options:
        raise ValueError("pooled=transaction excludes options=…: parameters of a session do not pass a pooler")
    return bool(mode)


def for_commands(config: dict[str, Any], direct_url: str, base: Path) -> dict[str, Any]:
    """Return the configuration for commands: that of ``DIRECT_DATABASE_URL`` if ``config`` is behind a pooler.

    Migrations and imports have long transactions and parameters of their session. Raises ``ValueError``.
    """
    if not config.get("POOLED"):
        if direct_url:
            raise ValueError("it is for a DATABASE_URL with ?pooled=transaction, and that has none")
        return config
    direct = parse(direct_url, base) if direct_url else {}
    if direct.get("ENGINE") != POSTGRESQL or direct["POOLED"]:
        raise ValueError(
            "DATABASE_URL has ?pooled=transaction, so this must be the postgresql:// URL of the same database without "
            "the pooler, for migrations and imports"
        )
    return direct


def _check_options(options: dict[str, Any]) -> None:
    for name in options.keys() & {"connect_timeout", "response_timeout"}:
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", str(options[name])):
            raise ValueError(f"{name} is a number of seconds: postgresql://…/name?{name}=20")
    for name, values in CHOICES.items():
        if options.get(name, values[0]) not in values:
            raise ValueError(f"{name} is one of {', '.join(values)}: postgresql://…/name?{name}={values[-1]}")
    try:
        make_conninfo("", **{name: value for name, value in options.items() if name not in NOT_LIBPQ})
    except psycopg.ProgrammingError:
        raise ValueError("PostgreSQL does not know an option after the question mark") from None


def configure_for_requests(config: dict[str, Any], connections: int) -> None:
    """Change ``config`` for processes that serve requests; commands use it unchanged.

    PostgreSQL gets a pool of ``connections``, timeouts of statements and of idle transactions, and a response timeout,
    unless the URL sets these (``options=-c statement_timeout=…``, ``response_timeout``). SQLite gets a smaller cache.
    """
    if config["ENGINE"] == SQLITE:
        config["OPTIONS"]["init_command"] += f"; PRAGMA cache_size=-{REQUEST_CACHE * 1024}"
    if config["ENGINE"] == POSTGRESQL:
        if not config["POOLED"]:
            config["OPTIONS"]["options"] = config["OPTIONS"]["options"].replace(COMMAND_LIMITS, REQUEST_LIMITS, 1)
        config["OPTIONS"].setdefault("response_timeout", RESPONSE_TIMEOUT)
        hosts = str(config["HOST"]).count(",") + 1  # the first ones may be down
        config["OPTIONS"]["pool"] = _pool(connections, float(config["OPTIONS"]["connect_timeout"]) * hosts)
        config["CONN_MAX_AGE"] = 0  # a request's connection returns to the pool
        config["CONN_HEALTH_CHECKS"] = False  # crm_project/db/postgresql checks each without a query


def _pool(connections: int, timeout: float) -> dict[str, Any]:
    """Return the options of psycopg's pool, for Django's ``pool``."""
    from crm_project.db.postgresql.base import Connection  # needs the settings

    return {
        "connection_class": Connection,
        "min_size": 0,
        "max_size": connections,
        "timeout": timeout,  # seconds that a request waits for a connection
        "reconnect_timeout": 1.0,  # seconds after which the next request tries to connect again
        "num_workers": 1,
    }


def max_wait(config: dict[str, Any]) -> float:
    """Return the seconds that a request may wait for a thread and for locks together."""
    return float(config["OPTIONS"]["timeout"]) if config["ENGINE"] == SQLITE else STATEMENT_TIMEOUT / 1000
