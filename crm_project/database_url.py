"""``DATABASE_URL`` as Django's ``DATABASES["default"]``, the earlier server's async URLs included."""

import re
from pathlib import Path
from typing import Any

import dj_database_url

SCHEMES = ("sqlite", "postgres", "postgresql")

# WAL lets readers go on while one writes; IMMEDIATE takes the write lock at BEGIN, where the busy timeout applies
# (a lock upgraded in mid-transaction fails at once). synchronous stays FULL: what was told done outlives a power cut.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 10,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA cache_size=-32768",
}


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
    path = url.removeprefix("sqlite:///").partition("?")[0]
    if not url.startswith("sqlite:///") or path in ("", ":memory:"):
        raise ValueError("a SQLite URL names a file: sqlite:///app.db (in the project) or sqlite:////absolute/app.db")
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(base / path), "OPTIONS": dict(SQLITE_OPTIONS)}


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
    # Kept connections, tested once a request: opening one costs PostgreSQL five times what the request does.
    return config | {"OPTIONS": options, "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
