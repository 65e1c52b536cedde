"""``manage.py restore FILE``: replace the SQLite database by a backup."""

import sqlite3
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from crm_project.operations import backup
from crm_project.operations.management.commands.backup import database_file, summarize

FILLED_BY_START = ("django_", "auth_", "operations_")  # prefixes of tables that a start of the server fills


class Command(BaseCommand):
    """For SQLite only. Exit codes: 0 done, 1 rejected and nothing changed."""

    help = "Replace the SQLite database by FILE, a backup. Existing data are replaced only with --force, and saved."
    requires_system_checks: Any = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the backup file and ``--force``."""
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace existing data, saved in a file beside it")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        """Check the file, save the present data, replace them, and migrate."""
        database = database_file()
        try:
            counts, migrations = backup.inspect(file)
            reject_newer(migrations)
            saved = self._save_path(database, force)
            connections.close_all()
            backup.replace(database, file, saved)
        except (backup.BackupError, OSError, sqlite3.Error) as error:
            raise CommandError(f"Nothing was restored: {error}") from None
        self.stdout.write(f"Restored {file}: {summarize(counts)}")
        if saved:
            self.stdout.write(f"The previous data are in {saved}")
        call_command("migrate", verbosity=0, interactive=False)  # last: after a failure, the lines above are printed

    def _save_path(self, database: Path, force: bool) -> Path | None:
        """Return where to save the present data, or ``None``; raise ``BackupError`` where they need ``--force``."""
        if not database.exists() or not (data := describe_data(database)):
            return None
        if not force:
            raise backup.BackupError(f"{database} has data ({data}); --force replaces them, and saves a copy")
        return database.with_name(f"{database.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}")


def describe_data(database: Path) -> str:
    """Return what a database contains, as text; "" where it has only what a start creates."""
    try:
        with backup.open_database(database) as connection:
            counts = backup.count_rows(connection)
    except sqlite3.DatabaseError:
        return "which cannot be read"
    return summarize(counts) if any(n for table, n in counts.items() if not table.startswith(FILLED_BY_START)) else ""


def reject_newer(migrations: set[tuple[str, str]]) -> None:
    """Raise ``BackupError`` for a file with migrations of a later version of this product."""
    known = MigrationLoader(None).disk_migrations or {}
    if unknown := sorted(f"{app}.{name}" for app, name in migrations - known.keys()):
        raise backup.BackupError(f"the file is from a later version, with {', '.join(unknown[:3])}")
