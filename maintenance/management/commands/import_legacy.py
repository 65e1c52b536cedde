"""``manage.py import_legacy URL``: migrate the earlier server's database."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from leads.importing.stats import Refused
from leads.management.printing import unusable
from maintenance.legacy_migration import report
from maintenance.legacy_migration.fixes import DESCRIPTION
from maintenance.legacy_migration.migrate import Options, Outcome, migrate
from maintenance.legacy_migration.source import parse_url

HELP = f"""\
Migrate the users, leads and activities of the earlier server into an empty database, all or nothing.

Ids, times, password hashes and deleted (inactive) leads are preserved. Statuses and activity types are put into lower
case and text is trimmed. A closed lead's closing time is that of its last update. activity_count is recounted, and
every difference is listed. The source is only read. It may be the database that this server uses: the earlier tables
stay unchanged beside the new ones. Stop the earlier server first.

Every row is validated. If a value is invalid, all problems are listed and nothing is stored, unless --fix is given.

{DESCRIPTION}

Exit codes: 0 everything migrated; 1 rejected, nothing stored; 2 wrong arguments."""


class Command(BaseCommand):
    """Runs the migration in one transaction. Every run, also a dry one, is stored as an import run."""

    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Return the parser, which prints the help with its own line breaks."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the source and the options."""
        add = parser.add_argument
        add("url", metavar="URL", help="the earlier DATABASE_URL, or the path of a SQLite file")
        add("--fix", action="store_true", help="correct invalid values as described above, and list every change")
        add("--dry-run", action="store_true", help="do everything except store")
        add("--report", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, print the report, and exit with the code of the result."""
        try:
            config = parse_url(options["url"], settings.BASE_DIR)
        except ValueError as error:
            raise CommandError(f"URL: {error}", returncode=2) from None
        name = str(config["NAME"])
        if host := config.get("HOST"):
            name += f" on {host}"
        self.show_progress = options["verbosity"] > 0 and options["report"] == "text"
        try:
            outcome = migrate(config, name, Options(options["fix"], options["dry_run"]), self._progress)
        except Refused as refused:
            self._reject(str(refused), options["report"])
        except DatabaseError as error:
            self._reject(unusable(error), options["report"])
        with closing(outcome):
            self._print_report(outcome, options)
        if outcome.run.state == "refused":
            sys.exit(1)

    def _progress(self, table: str, done: int, total: int) -> None:
        if self.show_progress:
            self.stderr.write(f"{table}: {done:,} of {total:,}")

    def _reject(self, message: str, report_format: str) -> None:
        if report_format == "json":
            self.stdout.write(report.rejection(message))
            sys.exit(1)
        raise CommandError(message, returncode=1)

    def _print_report(self, outcome: Outcome, options: dict[str, Any]) -> None:
        if options["report"] == "json":
            for piece in report.as_json(outcome):
                self.stdout.write(piece, ending="")
            self.stdout.write("")
        elif options["verbosity"]:
            for line in report.as_lines(outcome):
                self.stdout.write(line)
