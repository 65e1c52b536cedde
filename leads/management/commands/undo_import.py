"""``manage.py undo_import RUN``: undo an import."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from leads.importing.stats import Refused
from leads.importing.undo import undo
from leads.management.printing import say, unusable
from leads.models import ImportRun
from users.audit import Actor

MAX_LISTED = 50  # leads of one kind


class Command(BaseCommand):
    """Softly deletes what a run created and restores what it wrote over, where nobody touched it since."""

    help = (
        "Undo an import: leads it created are deleted softly, leads it updated get their earlier values back, "
        "activities it created are deleted. Leads that somebody changed since are left and listed; "
        "undoing the run again tries them again. Of several imports of the same leads, undo the last one first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the run's number, as the import printed it."""
        parser.add_argument("run", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        """Undo, and say what was left alone."""
        try:
            run = undo(options["run"], actor=Actor.operator())
        except Refused as refused:
            raise CommandError(str(refused)) from None
        except DatabaseError as error:
            raise CommandError(unusable(error)) from None
        if options["verbosity"]:
            say(self.stdout, "\n".join(_lines(run)), self.stderr)


def _lines(run: ImportRun) -> Iterator[str]:
    report = run.undo_report
    yield f"Undone run {run.pk} of {run.file_name}:"
    if run.kind != "leads":
        yield f"  {report[run.kind.replace('-', '_')]:,} {run.kind} it created were taken out"
        return
    yield f"  {report['deleted']:,} leads it created were deleted (softly)"
    yield f"  {report['restored']:,} leads it updated have their earlier values again"
    if report["activities"]:
        yield f"  {report['activities']:,} notes of these were deleted"
    yield f"  {report['left']:,} were changed since and left as they are"
    if report["gone"]:
        yield f"  {report['gone']:,} leads it created had been deleted before"
    for kind in ("created", "updated"):
        for reason in report["reasons"]:
            if leads := [lead for lead in report[f"left_{kind}"] if report["why"][str(lead)] == reason]:
                more = " …" if len(leads) > MAX_LISTED else ""
                yield f"    {kind} by the run, {reason}: lead {', '.join(map(str, leads[:MAX_LISTED]))}{more}"
