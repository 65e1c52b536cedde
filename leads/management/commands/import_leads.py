"""``manage.py import_leads FILE…``: import files of leads, and report what became of every row."""

import csv
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from crm_project.validation import InvalidValue
from leads import validators
from leads.importing import report
from leads.importing.cells.date_order import ORDERS
from leads.importing.columns.column_schema import ColumnSchema, normal
from leads.importing.columns.mapping import IGNORE, REFUSE, UNKNOWN
from leads.importing.file_import import FileImport
from leads.importing.options import Options
from leads.importing.progress import Meter
from leads.importing.run import import_files
from leads.importing.sources import format_options as hinted
from leads.importing.sources.format_options import FormatOptions
from leads.importing.sources.reader import FORMATS, Source, Unreadable, open_source
from leads.management.printing import say, unusable
from leads.models import ImportRun

ON_DUPLICATE = ("create", "skip", "fill", "update", "error")
EPILOG = """Exit codes: 0 all done; 3 done, with rejected rows; 1 refused, nothing stored; 2 wrong arguments."""


class Command(BaseCommand):
    """All files are stored in one transaction, or none; every run leaves an account."""

    importer = FileImport
    help = (
        "Import leads from CSV, TSV, Excel, OpenDocument, JSON, JSON Lines or vCard files, also compressed "
        "('-' is standard input). "
    ) + EPILOG

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the files, and how they are imported."""
        add = parser.add_argument
        add("files", nargs="+", metavar="FILE", help="a file, gzipped or not; '-' for standard input")
        add("--format", choices=FORMATS, help="instead of finding it out")
        add("--encoding", metavar="NAME", help="of text files (utf-8, cp1250, …), instead of finding it out")
        add("--delimiter", metavar="CHARACTER", help="between cells, or 'tab', instead of finding it out")
        add("--sheet", metavar="NAME", help="of a workbook, instead of the first that has a header")
        add("--header-row", metavar="NUMBER", help="the line or row of the header, instead of finding it out")
        add("--no-header", action="store_true", help="the first line is a row; --map '#1=email' says what a column is")
        add("--dates", choices=ORDERS, help="how 03/04/2024 is meant, instead of what the rest of its column says")
        add("--timezone", metavar="NAME", help="of times without one (America/Chicago), instead of the office's")
        add(
            "--map",
            action="append",
            default=[],
            metavar="HEADER=FIELD",
            help="which field a column fills; '#3' is the third",
        )
        add(
            "--set",
            action="append",
            default=[],
            metavar="FIELD=VALUE",
            help="a value for every row, whatever its columns say",
        )
        add(
            "--ignore-columns",
            action="append",
            default=[],
            metavar="A,B",
            help="columns to leave out; may be given several times, a name with a comma in quotation marks",
        )
        add("--ignore-unknown", action="store_true", help="the same as --unknown ignore")
        add("--on-error", choices=("abort", "skip"), default="abort", help="abort: one bad row and nothing is stored")
        add(
            "--rejects",
            type=Path,
            metavar="FILE",
            help="write every rejected row to this CSV file, to fix and import again",
        )
        add("--dry-run", action="store_true", help="do everything but store")
        add("--again", action="store_true", help="import a file that was imported before")
        add("--report", choices=("text", "json"), default="text")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        """Add the options that only this kind of import has."""
        add = parser.add_argument
        add(
            "--on-duplicate",
            choices=ON_DUPLICATE,
            help="what becomes of a row that is the same person as a stored lead or an earlier row: create a lead (the "
            "default), skip the row, fill blank fields of the lead, update the lead, or reject the row",
        )
        add(
            "--map-status",
            action="append",
            default=[],
            metavar="VALUE=STATUS",
            help="what a status of the file becomes; may be given several times",
        )
        add("--status-as-is", action="store_true", help="store other statuses as they are in the file")
        add("--update-status", action="store_true", help="with --on-duplicate update: also to an earlier status")
        add("--with-deleted", action="store_true", help="import rows deleted in the source, as deleted leads")
        add("--with-erased", action="store_true", help="import rows of people who were erased on request")
        add(
            "--unknown",
            choices=UNKNOWN,
            help="what becomes of columns that are not known: refuse the file (the default), leave them out, or put "
            "them and all others that no field has into notes of the leads",
        )
        add("--user", default="", metavar="NAME", help="who signs the notes, instead of the first superuser")
        add("--skipped", type=Path, metavar="FILE", help="write rows that are duplicates to this CSV file")

    def wanted(self, options: dict[str, Any]) -> Options:
        """Return the import's options from the command's."""
        action, update_status = options["on_duplicate"] or ON_DUPLICATE[0], options["update_status"]
        if update_status and action != "update":
            raise CommandError("--update-status needs --on-duplicate update", returncode=2)
        common_options = common(options, self.importer.vocabulary)
        return Options(
            on_duplicate=action,
            update_status=update_status,
            statuses=_statuses(options["map_status"]),
            statuses_as_is=options["status_as_is"],
            with_deleted=options["with_deleted"],
            with_erased=options["with_erased"],
            user=options["user"].strip(),
            **common_options,
        )

    def open(self, name: str, format: str | None, hints: FormatOptions) -> Source:
        """Return the source with that name; '-' is standard input."""
        if name == "-" and sys.stdin is None:
            raise Unreadable("Standard input is closed.")
        return open_source(sys.stdin.buffer if name == "-" else name, format=format, hints=hints)

    def handle(self, *args: Any, **options: Any) -> None:
        """Import, report, and end with the exit code that says how it went."""
        wanted = self.wanted(options)
        hints = hints_of(options, wanted, self.importer.vocabulary)
        quiet = options["verbosity"] == 0 or options["report"] == "json"
        try:
            with ExitStack() as stack:
                sources = self._opened(stack, options, hints)
                meter = Meter(self.stderr, sources, quiet=quiet)
                runs = import_files(
                    sources,
                    wanted,
                    rejects=options["rejects"],
                    skipped=options.get("skipped"),
                    progress=meter,
                    importer=self.importer,
                    confirm=self._ask if self._may_ask(options) else None,
                    waiting=lambda obstacle: quiet or self.stderr.write(f"Waiting for another import ({obstacle})"),
                )
                meter.close()
        except Unreadable as unreadable:
            self._refuse(str(unreadable), options["report"])
        except DatabaseError as error:
            self._refuse(unusable(error), options["report"])
        self._tell(runs, options)
        if code := report.exit_code(runs):
            sys.exit(code)

    def _may_ask(self, options: dict[str, Any]) -> bool:
        """Return whether there is a terminal, and the user has not said what to do with duplicates."""
        said = options.get("on_duplicate") or options["report"] == "json" or options["verbosity"] == 0
        terminal = sys.stdin is not None and sys.stdin.isatty() and self.stdout.isatty()
        return terminal and not said and "-" not in options["files"]

    def _ask(self, fact: str) -> bool:
        self.stderr.write(f"{fact[:1].upper()}{fact[1:]}.")
        return input("Store them as new leads? [y/N] ").strip().lower() in ("y", "yes")

    def _opened(self, stack: ExitStack, options: dict[str, Any], hints: FormatOptions) -> list[Source]:
        try:
            return [stack.enter_context(self.open(name, options["format"], hints)) for name in options["files"]]
        except KeyboardInterrupt:
            raise Unreadable("it was interrupted, nothing was stored") from None

    def _refuse(self, message: str, form: str) -> None:
        if form == "json":
            say(self.stdout, orjson.dumps(report.refusal(message)).decode(), self.stderr)
            sys.exit(1)
        raise CommandError(message, returncode=1)

    def _tell(self, runs: list[ImportRun], options: dict[str, Any]) -> None:
        if options["report"] == "json":
            say(self.stdout, orjson.dumps(report.as_object(runs)).decode(), self.stderr)
        elif options["verbosity"]:
            say(self.stdout, "\n".join(line for run in runs for line in report.as_lines(run)), self.stderr)


def common(options: dict[str, Any], vocabulary: ColumnSchema) -> dict[str, Any]:
    """Return the fields of ``Options`` that every kind of import has."""
    explicit, constants = _pairs(options["map"], "--map"), _pairs(options["set"], "--set")
    _check_fields("--map", list(explicit.values()), vocabulary)
    _check_fields("--set", list(constants), vocabulary)
    return {
        **{name: options[name] for name in ("on_error", "dry_run", "again", "dates")},
        "unknown": _unknown(options),
        "timezone": _timezone(options["timezone"]),
        "parallel": threading.active_count() == 1,
        "explicit": explicit,
        "constants": constants,
        "ignored": _listed(options["ignore_columns"]),
    }


def hints_of(options: dict[str, Any], wanted: Options, vocabulary: ColumnSchema) -> FormatOptions:
    """Return how the files are to be read; raise ``CommandError`` for invalid options."""
    mapped = frozenset(map(normal, wanted.explicit))
    checks: list[tuple[str, Callable[[str], Any]]] = [
        ("encoding", hinted.encoding),
        ("delimiter", hinted.delimiter),
        ("header_row", hinted.header_row),
    ]
    if options["header_row"] and options["no_header"]:
        raise CommandError("--header-row and --no-header contradict each other", returncode=2)
    found: dict[str, Any] = {}
    for name, check in checks:
        try:
            found[name] = options[name] if options[name] is None else check(options[name])
        except ValueError as error:
            raise CommandError(f"--{name.replace('_', '-')}: {error}", returncode=2) from None
    is_header = partial(vocabulary.is_header, mapped=mapped)
    return FormatOptions(**found, sheet=options["sheet"], header=not options["no_header"], is_header=is_header)


def _pairs(given: list[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=") if option == "--set" else pair.rpartition("=")
        name = name.strip()
        if not equals or not name:
            raise CommandError(f"{option} {pair}: write NAME=VALUE", returncode=2)
        if name in pairs:
            raise CommandError(f"{option}: {name!r} is given twice", returncode=2)
        pairs[name] = value.strip()
    return pairs


def _unknown(options: dict[str, Any]) -> str:
    """Return what is done with unknown columns."""
    unknown: str | None = options.get("unknown")
    if options["ignore_unknown"] and unknown not in (None, IGNORE):
        raise CommandError(f"--ignore-unknown and --unknown {unknown} contradict each other", returncode=2)
    return IGNORE if options["ignore_unknown"] else unknown or REFUSE


def _timezone(name: str | None) -> str | None:
    if name and name not in available_timezones():
        raise CommandError(f"--timezone: there is no time zone {name!r}; America/Chicago is one", returncode=2)
    return name


def _statuses(given: list[str]) -> dict[str, str]:
    """Return the replacements of statuses."""
    statuses = {}
    for value, status in _pairs(given, "--map-status").items():
        try:
            statuses[value] = validators.status(status)
        except InvalidValue as invalid:
            raise CommandError(f"--map-status {value}={status}: {invalid.msg}", returncode=2) from None
    return statuses


def _check_fields(option: str, fields: list[str], vocabulary: ColumnSchema) -> None:
    for place, field in enumerate(fields):
        if field not in vocabulary.targets:
            there = ", ".join(vocabulary.targets)
            raise CommandError(f"{option}: there is no field {field!r}; the fields are {there}", returncode=2)
        if field in fields[:place]:
            raise CommandError(f"{option}: {field!r} is given twice", returncode=2)


def _listed(given: list[str]) -> list[str]:
    """Return the names in lists like ``a,"b, c"``."""
    try:
        names = [name.strip() for row in csv.reader(given, skipinitialspace=True) for name in row]
    except csv.Error as error:
        raise CommandError(f"--ignore-columns: {error}", returncode=2) from None
    return [name for name in names if name]
