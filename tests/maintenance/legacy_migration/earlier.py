"""Databases with the earlier server's schema, created by plain SQL, and the command that migrates them."""

import io
import json
import sqlite3
from contextlib import closing
from typing import Any

import psycopg
from django.core.management import CommandError, call_command

PASSWORD = "pass123456 agent1"
# The hash of it by the earlier server's passlib.
HASH = "$argon2id$v=19$m=65536,t=3,p=4$hJDSOmfMmXMuZcyZ8/4/xw$Jq5VEZ4PsToFTfSQ06f5BXK+tu7hc31/5Bfae0Vxvxw"

SCHEMA = {
    "users": "id {id}, username {text}, email {text}, hashed_password {text}, first_name {text}, last_name {text},"
    " created_at {moment}",
    "leads": "id {id}, first_name {text}, last_name {text}, email {text}, phone {text}, status {text}, source {text},"
    " budget_min {number}, budget_max {number}, property_interest {text}, is_active {flag}, created_at {moment},"
    " updated_at {moment}, activity_count integer",
    "activities": "id {id}, lead_id integer, user_id integer, activity_type {text}, title {text}, notes {text},"
    " duration {number}, activity_date {day}, created_at {moment}, user_name {text}",
}
STRICT = {
    "id": "integer PRIMARY KEY",
    "text": "varchar",
    "number": "bigint",
    "flag": "boolean",
    "moment": "timestamp",
    "day": "date",
}
LOOSE = dict.fromkeys(STRICT, "") | {"text": "text"}  # SQLite only: columns that accept any value

Row = dict[str, Any]


def user(**fields: Any) -> Row:
    """Return a user of the earlier server, with ``PASSWORD``."""
    row = {"id": 1, "username": "agent1", "email": "a1@example.com", "hashed_password": HASH, "first_name": "Agent"}
    return {**row, "last_name": "One", "created_at": "2025-10-07 18:10:00.123456", **fields}


def lead(**fields: Any) -> Row:
    """Return a lead of the earlier server."""
    row = {"id": 7, "first_name": "John", "last_name": "Smith", "email": "john@example.com", "phone": "+1-555-0100"}
    row |= {"status": "new", "source": "website", "budget_min": 300000, "budget_max": 450000}
    row |= {"property_interest": "2BR condo", "is_active": True, "activity_count": 0}
    return {**row, "created_at": "2025-10-07 18:11:00.000001", "updated_at": "2025-10-09 08:00:00.000000", **fields}


def activity(**fields: Any) -> Row:
    """Return an activity of the earlier server."""
    row = {"id": 3, "lead_id": 7, "user_id": 1, "activity_type": "call", "title": "Intro call", "notes": None}
    row |= {"duration": 12, "activity_date": "2025-10-03", "created_at": "2025-10-07 18:15:00.000000"}
    return {**row, "user_name": "Agent One", **fields}


class Earlier:
    """An earlier server's database at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url

    def execute(self, *statements: str) -> None:
        """Run SQL."""
        for statement in statements:
            self._run(statement, [()])

    def make(self, types: dict[str, str] = STRICT, **names: str) -> "Earlier":
        """Create the three tables; ``leads="lead"`` gives one another name."""
        for noun, columns in SCHEMA.items():
            self.execute(f'CREATE TABLE "{names.get(noun, noun)}" ({columns.format(**types)})')
        return self

    def add(self, table: str, *rows: Row) -> "Earlier":
        """Insert rows with the same columns."""
        mark = "?" if self.url.startswith("sqlite") else "%s"
        columns = ", ".join(rows[0])
        marks = ", ".join([mark] * len(rows[0]))
        self._run(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', [tuple(row.values()) for row in rows])
        return self

    def _run(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection, connection:
                connection.executemany(sql, rows) if rows != [()] else connection.execute(sql)
            return
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(sql, rows) if rows != [()] else cursor.execute(sql)


def import_legacy(*arguments: str, code: int = 0) -> dict[str, Any]:
    """Run the command with a JSON report, check its exit code, and return the report."""
    exit_code, output = run(*arguments, "--report", "json")
    report: dict[str, Any] = json.loads(output)
    assert exit_code == code, report
    return report


def run(*arguments: str) -> tuple[int, str]:
    """Run the command and return its exit code and standard output."""
    out = io.StringIO()
    try:
        call_command("import_legacy", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as exit:
        return int(exit.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()
