"""``manage.py export_leads --output FILE``: export leads in a form that ``import_leads`` reads back without loss.

It is one of this app's commands because activities and follow-ups may go along.
"""

import os
import sys
from argparse import ArgumentParser
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import IO, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from activities.exporting import ACTIVITIES, FOLLOW_UPS, follow_ups_of_leads, of_leads
from leads.exporting.outputs import gzipped, output
from leads.exporting.run import LEADS, Attached, export_leads
from leads.exporting.tables import FORMATS, Form, Unwritable, Write, table
from leads.filters import LeadFilter
from leads.management.printing import unusable
from leads.querysets import LeadQuerySet

FILTERS = ("q", "status", "source", "min_budget", "max_budget", "contactable")
BY_NAME = {".csv": "csv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class Command(BaseCommand):
    """A thin shell: arguments, files, and the sentence at the end."""

    help = (
        "Export active leads, newest first, as CSV (UTF-8), Excel workbook or JSON Lines, as the file's name says; "
        "NAME.csv.gz and NAME.jsonl.gz are compressed. import_leads reads all of them back. The file appears when "
        "it is complete. Exit codes: 0 done; 1 it cannot be written; 2 wrong arguments."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the output, its format, and the filters."""
        add = parser.add_argument
        add(
            "--output",
            required=True,
            metavar="FILE",
            help="'-' for standard output, as CSV unless --format names another form",
        )
        add("--format", choices=FORMATS, help="instead of the one the file's name says")
        add("--q", help="words that all occur in names, email or phone")
        add("--status", help="only this status ('all' for every one)")
        add("--source", help="only this source, whatever its case")
        add("--min-budget", metavar="AMOUNT", help="either budget is at least this")
        add("--max-budget", metavar="AMOUNT", help="either budget is at most this")
        add("--contactable", metavar="CHANNEL", help="only leads who may be contacted by call, text or email")
        add(
            "--with-activities",
            action="store_true",
            help="in JSON Lines each lead has lists 'activities' and 'follow_ups'; beside NAME.csv or NAME.xlsx there "
            "are files NAME-activities.csv and NAME-follow-ups.csv, or .xlsx. import_activities and import_follow_ups "
            "read them",
        )
        add(
            "--raw",
            action="store_true",
            help="do not put an apostrophe before cells that a spreadsheet would run as formulas (= + - @). Not to be "
            "opened in a spreadsheet, and a text that itself starts with such an apostrophe does not come back whole",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, and say how many."""
        path = None if options["output"] == "-" else Path(options["output"])
        format = options["format"] or _format_of(path)
        _check(path, format, options["with_activities"])
        leads = _filtered(options)
        try:
            with ExitStack() as files:
                write = self._table(files, path, format, LEADS, options["raw"])
                attached = self._attached(files, path, format, options) if options["with_activities"] else []
                count = export_leads(leads, write, attached)
        except Unwritable as unwritable:
            raise CommandError(f"nothing was exported: {unwritable}", returncode=1) from None
        except DatabaseError as error:
            raise CommandError(unusable(error), returncode=1) from None
        except BrokenPipeError:  # the reader of our standard output has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except OSError as error:
            raise CommandError(f"cannot write {options['output']}: {error.strerror or error}", returncode=1) from None
        if options["verbosity"]:
            say = self.stderr if path is None else self.stdout
            say.write(f"Exported {count:,} {'lead' if count == 1 else 'leads'} to {path or 'standard output'}.")

    def _attached(self, files: ExitStack, path: Path | None, format: str, options: dict[str, Any]) -> list[Attached]:
        attached = []
        for form, of in ((ACTIVITIES, of_leads), (FOLLOW_UPS, follow_ups_of_leads)):
            write = None
            if format != "jsonl":
                assert path is not None
                name = form.name.replace("_", "-")
                write = self._table(files, beside(path, name), format, form, options["raw"])
            attached.append(Attached(form.name, of, write))
        return attached

    def _table(self, files: ExitStack, path: Path | None, format: str, form: Form, raw: bool) -> Write:
        file = files.enter_context(output(path) if path else nullcontext(self._standard_output()))
        if path and path.suffix == ".gz":
            file = files.enter_context(gzipped(file))
        return files.enter_context(table(format, file, form, raw))

    def _standard_output(self) -> IO[bytes]:
        stream: IO[bytes] = getattr(self.stdout, "buffer", sys.stdout.buffer)
        return stream


def beside(path: Path, name: str) -> Path:
    """``leads.csv.gz`` → ``leads-activities.csv.gz``: the file that goes with an export."""
    whole = path.name.removesuffix(".gz")
    stem, dot, suffix = whole.rpartition(".")
    return path.with_name(f"{stem or whole}-{name}{dot}{suffix if dot else ''}{path.name[len(whole) :]}")


def _format_of(path: Path | None) -> str:
    if path is None:
        return "csv"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in BY_NAME:
        raise CommandError(f"--output {path}: name it .csv, .xlsx or .jsonl, or give --format", returncode=2)
    return BY_NAME[suffix]


def _check(path: Path | None, format: str, with_activities: bool) -> None:
    if format == "xlsx" and path and path.suffix == ".gz":
        raise CommandError("an Excel workbook is compressed already; leave off .gz", returncode=2)
    if with_activities and format != "jsonl" and (path is None or (path.exists() and not path.is_file())):
        raise CommandError("--with-activities writes several files; name one, or export JSON Lines", returncode=2)


def _filtered(options: dict[str, Any]) -> LeadQuerySet:
    """Return the active leads that match the options, which are the filters of the list of the API."""
    wanted, problems = LeadFilter.validate({name: options[name] for name in FILTERS})
    for problem in problems:
        name, reason = str(problem.loc[-1]), problem.msg.removeprefix("Value error, ")
        raise CommandError(f"--{name.replace('_', '-')} {problem.input!r}: {reason}", returncode=2)
    return LeadFilter.find(wanted)
