"""``fill`` for SQLite: databases are files, and one connection that has both open copies the rows."""

import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

VERSION = sqlite3.sqlite_version
PEER_COLUMNS = {
    "users": (
        "users_user",
        "id, username, email, first_name, last_name, substr(password, 7) AS hashed_password, created_at",
    ),
    "leads": (
        "leads_lead",
        "id, first_name, last_name, email, phone, status, source, budget_min, budget_max, property_interest, is_active,"
        " created_at, updated_at, activity_count",
    ),
    "activities": (
        "activities_activity",
        "id, lead_id, user_id, activity_type, title, notes, duration, activity_date, created_at, user_name",
    ),
}


def file_of(url: str) -> Path:
    """Return the file of ``url`` (``sqlite:////absolute/path``)."""
    return Path(urlsplit(url).path[1:])


def drop(url: str) -> None:
    """Delete the file, its write-ahead log and its shared memory."""
    for suffix in ("", "-wal", "-shm"):
        file_of(url + suffix).unlink(missing_ok=True)


def copy_to_peer(ours: str, peer: str) -> None:
    """Copy the rows of our database into the peer's tables, which must exist and be empty."""
    connection = sqlite3.connect(file_of(peer), isolation_level=None)
    connection.execute("ATTACH ? AS ours", [str(file_of(ours))])
    connection.execute("BEGIN")
    for table, (from_table, columns) in PEER_COLUMNS.items():
        names = [part.split()[-1] for part in columns.replace("substr(password, 7)", "x").split(",")]
        connection.execute(f"INSERT INTO main.{table} ({', '.join(names)}) SELECT {columns} FROM ours.{from_table}")
    connection.execute("COMMIT")
    connection.execute("ANALYZE")
    connection.close()
