"""``manage.py import_leads FILE…``: bring lead files in, and say what became of every row."""

import sys
import threading
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from leads.importing import report
from leads.importing.progress import Meter
from leads.importing.read import FORMATS, Source, Unreadable, open_source
from leads.importing.run import FileImport, Options, import_files
from leads.models import ImportRun

EPILOG = """Exit codes: 0 all done; 3 done, with rejected rows; 1 refused, nothing stored; 2 wrong arguments."""


class Command(BaseCommand):
    """All files are stored in one transaction, or none; every run leaves an account."""

    importer = FileImport
    help = "Import leads from CSV, TSV, XLSX, JSON or JSON Lines files ('-' is standard input). " + EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The files, and what to do with what is in them."""
        add = parser.add_argument
        add("files", nargs="+", metavar="FILE", help="a file, gzipped or not; '-' for standard input")
        add("--format", choices=FORMATS, help="instead of finding it out")
        add("--map", action="append", default=[], metavar="HEADER=FIELD", help="which field a column fills")
        add(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="a value for every row, whatever its columns say",
        )
        add("--ignore-columns", default="", metavar="A,B", help="columns to leave out")
        add("--ignore-unknown", action="store_true", help="leave out every column that is not known")
        add("--on-error", choices=("abort", "skip"), default="abort", help="abort: one bad row and nothing is stored")
        add("--rejects", type=Path, metavar="FILE", help="write every bad row to this CSV file, to mend and feed back")
        add("--dry-run", action="store_true", help="do everything but store")
        add("--again", action="store_true", help="import a file that was imported before")
        add("--report", choices=("text", "json"), default="text")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        """What only this kind of import has."""
        parser.add_argument("--on-duplicate", choices=("create", "skip", "update", "error"), default="create")

    def wanted(self, options: dict[str, Any]) -> Options:
        """The import's options from the command's."""
        return Options(on_duplicate=options["on_duplicate"], **common(options))

    def open(self, name: str, format: str | None) -> Source:
        """The file of that name; '-' is standard input."""
        return open_source(sys.stdin.buffer if name == "-" else name, format=format)

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, report, and end with the exit code that says how it went."""
        wanted = self.wanted(options)
        quiet = options["verbosity"] == 0 or options["report"] == "json"
        try:
            with ExitStack() as stack:
                sources = [stack.enter_context(self.open(name, options["format"])) for name in options["files"]]
                meter = Meter(self.stderr, sources, quiet=quiet)
                runs = import_files(sources, wanted, rejects=options["rejects"], progress=meter, importer=self.importer)
                meter.close()
        except Unreadable as unreadable:
            self._refuse(str(unreadable), options["report"])
        except DatabaseError as error:
            away = f"the database cannot be used (is it there, and was `manage.py migrate` run?): {str(error).strip()}"
            self._refuse(away, options["report"])
        self._tell(runs, options)
        if code := report.exit_code(runs):
            sys.exit(code)

    def _refuse(self, message: str, form: str) -> None:
        if form == "json":
            self.stdout.write(orjson.dumps(report.refusal(message)).decode())
            sys.exit(1)
        raise CommandError(message, returncode=1)

    def _tell(self, runs: list[ImportRun], options: dict[str, Any]) -> None:
        if options["report"] == "json":
            self.stdout.write(orjson.dumps(report.as_object(runs)).decode())
        elif options["verbosity"]:
            for run in runs:
                self.stdout.write("\n".join(report.as_lines(run)))


def common(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``Options`` that every kind of import has."""
    return {
        **{name: options[name] for name in ("on_error", "dry_run", "again", "ignore_unknown")},
        "parallel": threading.active_count() == 1,
        "explicit": _pairs(options["map"], "--map"),
        "constants": _pairs(options["set"], "--set"),
        "ignored": [name.strip() for name in options["ignore_columns"].split(",") if name.strip()],
    }


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs = {}
    for pair in given:
        name, equals, value = pair.rpartition("=") if option == "--map" else pair.partition("=")
        if not equals or not name:
            raise CommandError(f"{option} {pair}: write NAME=VALUE", returncode=2)
        pairs[name.strip()] = value.strip()
    return pairs
