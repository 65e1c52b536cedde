"""``manage.py restore FILE``: put a copy that ``backup`` made in the place of the embedded database."""

import sqlite3
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from crm_project.api.management.commands.backup import database_file, told
from crm_project.operations import backup

BOOKKEEPING = ("django_", "auth_")  # tables that `migrate` fills


class Command(BaseCommand):
    """SQLite alone. Exit codes: 0 done, 1 refused and nothing changed."""

    help = "Replace the SQLite database by FILE, a backup. One that holds data is only replaced with --force, and kept."
    requires_system_checks: Any = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What, and whether over data."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace data; they are kept in a file beside it")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        """Check the file, keep what is there, replace it, and bring it up to date."""
        database = database_file()
        try:
            counted, migrations = backup.inspected(file)
            refuse_newer(migrations)
            kept = self._kept(database, force)
            connections.close_all()
            backup.replace(database, file, kept)
        except (backup.Refused, OSError, sqlite3.Error) as error:
            raise CommandError(f"Nothing was restored: {error}") from None
        self.stdout.write(f"Restored {file}: {told(counted)}")
        if kept:
            self.stdout.write(f"What was there before is in {kept}")
        call_command("migrate", verbosity=0, interactive=False)  # last: should it fail, it is known what is where

    def _kept(self, database: Path, force: bool) -> Path | None:
        """Where the present data go; ``None`` where there are none, ``Refused`` where they are not to be replaced."""
        if not database.exists() or not (data := present(database)):
            return None
        if not force:
            raise backup.Refused(f"{database} holds data ({data}); --force replaces them, and keeps a copy")
        return database.with_name(f"{database.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def present(database: Path) -> str:
    """What is in a database in a few words; "" where there is nothing but what ``migrate`` makes."""
    try:
        with sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True) as opened:
            counted = backup.rows(opened)
        opened.close()
    except sqlite3.DatabaseError:
        return "which cannot be read"
    return told(counted) if any(n for table, n in counted.items() if not table.startswith(BOOKKEEPING)) else ""


def refuse_newer(migrations: set[tuple[str, str]]) -> None:
    """``Refused`` for a file whose tables a later version of this product made."""
    known = MigrationLoader(None).disk_migrations or {}
    if unknown := sorted(f"{app}.{name}" for app, name in migrations - known.keys()):
        raise backup.Refused(f"the file is from a later version, with {', '.join(unknown[:3])}")
