"""``manage.py backup FILE``: copy the SQLite database while the server runs."""

import sqlite3
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from crm_project.operations import backup

POSTGRESQL = "The data are in PostgreSQL: use pg_dump and pg_restore, as docs/operations.md describes."


class Command(BaseCommand):
    """For SQLite only. Exit codes: 0 done, 1 rejected."""

    help = "Write a consistent, checked copy of the SQLite database to FILE, which must not exist, or into a folder."
    requires_system_checks: Any = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the target."""
        help = "the copy, or an existing folder, in which its name has the time: crm-20261130-020000.db"
        parser.add_argument("file", type=Path, metavar="FILE", help=help)

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Copy, check, and print what the copy contains."""
        database = database_file()
        if file.is_dir():
            file /= f"crm-{datetime.now(UTC):%Y%m%d-%H%M%S}.db"
        try:
            counts = backup.back_up(database, file)
        except (backup.BackupError, OSError, sqlite3.Error) as error:
            raise CommandError(f"No backup was made: {error}") from None
        self.stdout.write(f"{file}: {summarize(counts)}")


def database_file() -> Path:
    """Return the SQLite file; raise ``CommandError`` where the data are in PostgreSQL."""
    if connection.vendor != "sqlite":
        raise CommandError(POSTGRESQL)
    return Path(connection.settings_dict["NAME"])


def summarize(counts: backup.RowCounts) -> str:
    """Return the numbers of users, leads and activities as text."""
    nouns = {"users": "users_user", "leads": "leads_lead", "activities": "activities_activity"}
    return ", ".join(f"{counts.get(table, 0):,} {noun}" for noun, table in nouns.items())
