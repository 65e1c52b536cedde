"""``manage.py import_legacy URL``: take over the earlier server's whole database."""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from leads.importing.tally import Refused
from leads.management.printing import unusable
from maintenance.legacy_migration import report
from maintenance.legacy_migration.fixes import DESCRIPTION
from maintenance.legacy_migration.migrate import Options, Outcome, take_over
from maintenance.legacy_migration.source import parse

HELP = f"""\
Take over the users, leads and activities of the earlier server, into an empty database, all or nothing.

Ids, times, password hashes and deleted (inactive) leads are kept. Statuses and activity types are put into lower case
and text is trimmed. A closed lead counts as closed when it was last updated. activity_count is counted anew, and every
difference is listed. The source is only read; it may be the database we run on, whose users, leads and activities
tables stay as they are, beside ours. Stop the earlier server first.

Every row is held against our rules. Is one refused, all problems are listed and nothing is stored, unless --fix.

{DESCRIPTION}

Exit codes: 0 all taken over; 1 refused, nothing stored; 2 wrong arguments."""


class Command(BaseCommand):
    """One transaction; every run, a dry one too, leaves an account among the import runs."""

    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """With the help's own line breaks."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The source, and what to do with rows that the rules refuse."""
        add = parser.add_argument
        add("url", metavar="URL", help="the earlier DATABASE_URL, or the path of a SQLite file")
        add("--fix", action="store_true", help="mend what the rules refuse, as told above, and list every change")
        add("--dry-run", action="store_true", help="do everything but store")
        add("--report", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take over, report, and end with the exit code that says how it went."""
        try:
            config = parse(options["url"], settings.BASE_DIR)
        except ValueError as error:
            raise CommandError(f"URL: {error}", returncode=2) from None
        name = str(config["NAME"])
        if host := config.get("HOST"):
            name += f" on {host}"
        self.quiet = options["verbosity"] == 0 or options["report"] == "json"
        try:
            outcome = take_over(config, name, Options(options["fix"], options["dry_run"]), self._progress)
        except Refused as refused:
            self._refuse(str(refused), options["report"])
        except DatabaseError as error:
            self._refuse(unusable(error), options["report"])
        with closing(outcome):
            self._tell(outcome, options)
        if outcome.run.state == "refused":
            sys.exit(1)

    def _progress(self, table: str, done: int, total: int) -> None:
        if not self.quiet:
            self.stderr.write(f"{table}: {done:,} of {total:,}")

    def _refuse(self, message: str, form: str) -> None:
        if form == "json":
            self.stdout.write(report.refusal(message))
            sys.exit(1)
        raise CommandError(message, returncode=1)

    def _tell(self, outcome: Outcome, options: dict[str, Any]) -> None:
        if options["report"] == "json":
            for piece in report.as_json(outcome):
                self.stdout.write(piece, ending="")
            self.stdout.write("")
        elif options["verbosity"]:
            for line in report.as_lines(outcome):
                self.stdout.write(line)
