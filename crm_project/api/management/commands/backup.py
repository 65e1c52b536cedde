"""``manage.py backup FILE``: a copy of the embedded database, while the server runs."""

import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from crm_project.operations import backup

POSTGRESQL = (
    "The data are in PostgreSQL, which has tools of its own for this: pg_dump and pg_restore. "
    "The README's part on backups says how."
)


class Command(BaseCommand):
    """SQLite alone. Exit codes: 0 done, 1 refused."""

    help = "Write a consistent, checked copy of the SQLite database to FILE, which must not exist."
    requires_system_checks: Any = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        """Copy, check, and say what is in it."""
        database = database_file()
        try:
            counted = backup.back_up(database, file)
        except (backup.Refused, OSError, sqlite3.Error) as error:
            raise CommandError(f"No backup was made: {error}") from None
        self.stdout.write(f"{file}: {told(counted)}")


def database_file() -> Path:
    """The SQLite file; ``CommandError`` where the data are in PostgreSQL."""
    if connection.vendor != "sqlite":
        raise CommandError(POSTGRESQL)
    return Path(connection.settings_dict["NAME"])


def told(counted: backup.Rows) -> str:
    """The three figures an office knows."""
    nouns = {"users": "users_user", "leads": "leads_lead", "activities": "activities_activity"}
    return ", ".join(f"{counted.get(table, 0):,} {noun}" for noun, table in nouns.items())
