"""``manage.py undo_import RUN``: take an import back."""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from leads.importing.tally import Refused
from leads.importing.undo import undo


class Command(BaseCommand):
    """Softly deletes what a run created and restores what it wrote over, where nobody touched it since."""

    help = "Undo an import: leads it created are deleted softly, leads it updated get their earlier values back."

    def add_arguments(self, parser: CommandParser) -> None:
        """The run's number, as the import printed it."""
        parser.add_argument("run", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        """Undo, and say what was left alone."""
        try:
            run = undo(options["run"], by=getpass.getuser())
        except Refused as refused:
            raise CommandError(str(refused)) from None
        report = run.undo_report
        say = self.stdout.write if options["verbosity"] else lambda line: None
        say(f"Undone run {run.pk} of {run.file_name}:")
        say(f"  {report['deleted']:,} leads it created were deleted (softly)")
        say(f"  {report['restored']:,} leads it updated have their earlier values again")
        say(f"  {report['left']:,} were changed since and left as they are")
        for kind in ("left_created", "left_updated"):
            if report[kind]:
                listed = ", ".join(map(str, report[kind][:50]))
                more = " …" if len(report[kind]) > 50 else ""
                say(f"    {kind.removeprefix('left_')} by the run: lead {listed}{more}")
