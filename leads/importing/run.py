"""An import from beginning to end: read, map, check, match, load, in one transaction, with an account of every row.

No printing and no argument parsing here: the command and the admin both call ``import_files``.
"""

import getpass
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Max
from django.utils import timezone

from crm_project.db.direct import direct_connection
from crm_project.db.locks import Lock, lock_for_transaction
from crm_project.validation import FieldError
from leads.duplicates import Stored, count_lookalikes
from leads.erased_contacts import ErasedContact, ErasedContacts
from leads.importing import runs, warnings
from leads.importing.cells.column_habits import habits_of
from leads.importing.cells.date_order import Order
from leads.importing.cells.report import CellReport
from leads.importing.columns.column_schema import ColumnSchema
from leads.importing.columns.mapping import LEADS, NOTE, REFUSE, map_headers
from leads.importing.columns.plan import CellOptions, ColumnPlan
from leads.importing.first_load import first_load, is_first_load
from leads.importing.notes import NoteTaker, author_of
from leads.importing.pipeline import batches, needs_database
from leads.importing.rejects import Layout, Rejects, numbered, output
from leads.importing.sorting import ERASED, LEFT_OUT, Aside
from leads.importing.sources.reader import Source
from leads.importing.stats import MAX_LISTED, Refused, Stats, as_dict, showable
from leads.importing.warnings import Warnings, as_sentences
from leads.importing.writers import CHANGING, DRY_RUN_IDS, KEYS, DuplicateOptions, InsertWriter, UpsertWriter
from leads.models import ImportRun, Lead
from users.directory import ids_by_name
from users.models import User

Progress = Callable[[int, int], None]  # rows read of the current file, bytes of it
Confirm = Callable[[str], bool]  # asks somebody about a fact
Waiting = Callable[[str], None]  # called with what an import waits for
Started = Callable[[Sequence[ImportRun]], None]


@dataclass(frozen=True)
class Options:
    """What the operator asked for; ``import_leads --help`` explains each."""

    on_duplicate: str = "create"
    update_status: bool = False
    on_error: str = "abort"
    dry_run: bool = False
    again: bool = False
    explicit: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    unknown: str = REFUSE  # what becomes of columns that no field has: "refuse", "ignore" or "note"
    user: str = ""  # the name of who signs notes; of activities that name no author
    dates: Order | None = None  # found out where it is not said
    timezone: str | None = None  # of times without one; the office's where it is not said
    statuses: Mapping[str, str] = field(default_factory=dict)  # what values of the file become
    statuses_as_is: bool = False
    with_deleted: bool = False  # import rows that are deleted in the source, as deleted leads
    with_erased: bool = False  # import rows of people who were erased on request
    parallel: bool = False  # check rows in a process of their own; not where there are threads

    def cell_options(self) -> CellOptions:
        """Return how cells are read."""
        zone = ZoneInfo(self.timezone or settings.TIME_ZONE)
        return CellOptions(
            UTC if zone.key == "UTC" else zone,
            self.statuses,
            self.statuses_as_is,
            with_deleted=self.with_deleted,
            owners=ids_by_name(),
            erased=ErasedContacts() if self.with_erased else ErasedContact.objects.load(),
        )


class OutputPaths(NamedTuple):
    """The files that an import writes: of the rows with errors, and of the rows that were skipped or updated leads.

    Paths, or files that the caller has opened for one import.
    """

    rejects: Path | IO[bytes] | None = None
    skipped: Path | IO[bytes] | None = None

    def numbered(self, number: int) -> "OutputPaths":
        """Return those of one of several files: ``rejects.csv`` becomes ``rejects-2.csv``."""
        rejects, skipped = (numbered(path, number) if isinstance(path, Path) else path for path in self)
        return OutputPaths(rejects, skipped)


class _Rollback(Exception):
    """Ends the transaction of an import that stores nothing."""


class _Overtaken(Exception):
    """Ends the transaction of an import that has missed duplicates, which another import stored meanwhile."""


class _Unconfirmed(Exception):
    """Ends the transaction of an import that somebody must be asked about; the message says what there is."""


class FileImport:
    """The import of one file of leads; ``activities`` has a subclass for its own kind of file."""

    kind: ClassVar[str] = "leads"
    vocabulary: ClassVar[ColumnSchema] = LEADS

    def __init__(self, source: Source, run: ImportRun, options: Options, outputs: OutputPaths, progress: Progress):
        self.source, self.run, self.options, self.progress = source, run, options, progress
        self.stats = Stats()
        self.warnings: Warnings = Counter()
        self.cell_report = CellReport()
        self.output_paths = outputs
        self.rejects: Rejects | None = None
        self.skipped: Rejects | None = None
        self.last_id = 0  # of the leads that were stored before
        self.question = ""  # what to ask somebody about before the rows are stored

    def prepare(self) -> None:
        """Map the columns and look whether the file is known; ``Refused`` where it cannot go on."""
        options = self.options
        columns = map_headers(
            self.source.header,
            explicit=options.explicit,
            constants=options.constants,
            ignore=options.ignored,
            unknown=options.unknown,
            guarded=not self.source.exact,
            vocabulary=self.vocabulary,
            day_first=self.vocabulary.dates if options.dates == "day-first" else frozenset(),
            cell_options=options.cell_options(),
        )
        self.last_id = Lead.objects.aggregate(last=Max("id"))["last"] or 0
        self.columns, habits = habits_of(self.source, columns, dates=options.dates is None)
        notes = [_read_as(self.source, self.columns), *self.source.notes, *columns.describe(), *habits]
        self.run.notes = [showable(note) for note in notes]
        self._check_known()
        layout = Layout(self.source, self.columns, with_offset=options.timezone not in (None, settings.TIME_ZONE))
        self.rejects, self.skipped = (output(path, layout) if path else None for path in self.output_paths)
        for file in self.outputs():
            file.open()

    def _check_known(self) -> None:
        """Raise ``Refused`` if the file was imported already, unless that is wanted."""
        earlier = runs.known(self.source.sha256, self.run.kind)
        if earlier and not self.options.again:
            when = f"{earlier.started_at:%Y-%m-%d %H:%M}"
            raise Refused(
                f"this file was imported already, as run {earlier.pk} on {when} UTC (--again imports it again)"
            )

    def check_loaded(self, meanwhile: Sequence[int]) -> None:
        """Compare the new leads with those of the imports that ended ``meanwhile``.

        Where nobody has said what to do with duplicates, also with all that were stored before, and report how many
        look like them.
        """
        if self.doomed:
            return
        self._check_known()
        first_id = DRY_RUN_IDS if self.options.dry_run else self.last_id + 1
        if self.options.on_duplicate != "create":
            if count_lookalikes(self.run.pk, Stored(0, meanwhile), first_id):
                raise _Overtaken
        elif count := count_lookalikes(self.run.pk, Stored(self.last_id, meanwhile), first_id):
            what = "looks like an existing lead" if count == 1 else "look like existing leads"
            self.question = f"{count:,} of {self.stats.read:,} rows {what} (--on-duplicate decides)"
            self.run.notes.append(self.question)

    @classmethod
    def runs_alone(cls, options: Options, size: int = 0) -> bool:
        """Return whether other imports wait for this one; ``size`` is the bytes of all files.

        Those do that change stored leads, which they would lock in different orders, and a first load without indexes.
        """
        changes_leads = options.on_duplicate in CHANGING and not options.dry_run
        return changes_leads or (is_first_load(size) and not options.dry_run)

    @staticmethod
    def around_load(options: Options, is_alone: bool, size: int) -> AbstractContextManager[None]:
        """What makes a first load faster, around all of it; ``size`` is the bytes of all files."""
        is_worth_it = is_alone and is_first_load(size) and not options.dry_run
        return first_load(is_worth_it, keep=() if options.on_duplicate == "create" else KEYS)

    def load(self) -> None:
        """Every row of the file: checked, then stored, matched or rejected. Inside the transaction."""
        now, straight = timezone.now(), self.options.on_duplicate == "create"
        notes = NoteTaker(self.run, self._note_author(), now)
        if straight:
            in_parts = needs_database(self.columns)
            writer: InsertWriter | UpsertWriter = InsertWriter(
                self.run, self.stats, now, notes, self.warnings, in_parts
            )
        else:
            duplicates = DuplicateOptions(self.options.on_duplicate, self.options.update_status)
            writer = UpsertWriter(
                self.run, self.stats, now, duplicates, self.reject, self.warnings, notes, self.skipped
            )
        rows = batches(self.source, self.columns, writer, self.options.parallel)
        with writer.open() as take:
            for batch in rows:
                self.stats.read += batch.read
                self.warnings.update(batch.warnings)
                self.cell_report.add(batch.report)
                self.progress(self.stats.read, batch.position)
                for line, cells, problems in batch.bad:
                    self.reject(line, cells, problems)
                for row in batch.aside:
                    self._set_aside(row)
                if not (straight and self.doomed) or self.options.dry_run:
                    take(batch.good)
        if notes.author is None and self.cell_report.left_over:
            self.warnings[warnings.UNSIGNED, ""] = 1

    def _note_author(self) -> User | None:
        """Return who signs the notes of the leads, if there is somebody."""
        options = self.options
        author = author_of(options.user, self.run.user, required=options.unknown == NOTE)
        if options.user and author:  # names change, and one that is free is taken by others
            self.run.options["author_id"] = author.pk
        return author

    def reject(self, line: int, cells: Any, problems: list[FieldError]) -> None:
        """Count a bad row, and keep it for the rejects file."""
        self.stats.reject(line, problems, self.columns.column_of)
        if self.rejects:
            self.rejects.write(line, cells, [as_dict(line, problem, self.columns.column_of) for problem in problems])

    def _set_aside(self, row: Aside) -> None:
        """Count a row that is not imported and is no error, and keep it for its file."""
        if row.kind == LEFT_OUT:
            self.stats.left_out += 1
            self.warnings[warnings.LEFT_OUT, row.reason] += 1
            if self.rejects:
                self.rejects.add(row.line, row.cells, f"left out: {row.reason}", with_constants=False)
            return
        self.stats.skipped += 1
        self.warnings[row.kind, ""] += 1
        if len(self.stats.skipped_rows) < MAX_LISTED:
            self.stats.skipped_rows.append({"line": row.line, "action": row.kind, **row.identity})
        if self.skipped and row.kind != ERASED:  # what was erased is not stored again
            self.skipped.add(row.line, row.cells, row.reason)

    def outputs(self) -> list[Rejects]:
        """Return the files that are written."""
        return [file for file in (self.rejects, self.skipped) if file]

    @property
    def doomed(self) -> bool:
        """Whether nothing of this file will be stored, whatever else is in it."""
        return self.stats.rejected > 0 and self.options.on_error == "abort"

    def close(self, state: ImportRun.State, message: str = "", whole: bool = True) -> None:
        """Write the end of the run; ``whole`` says that the file was read to its end, and what is in it counts."""
        counts = self.stats.as_columns() if whole else self.stats.refused()
        if whole:
            # Activities are converted outside of batches.
            self.cell_report.add(self.columns.taken_report())
            counted = self.warnings + self.columns.taken_warnings()
            sentences = as_sentences(counted, self.columns.header, self.columns.columns.values())
            self.run.notes += [showable(sentence) for sentence in sentences]
            counts |= self.cell_report.as_columns()
        if self.rejects and self.rejects.rows and self.rejects.path:
            self.run.notes.append(f"Bad rows are in: {showable(str(self.rejects.path))}")
        if self.skipped and self.skipped.rows and self.skipped.path:
            self.run.notes.append(f"Skipped and updated rows are in: {showable(str(self.skipped.path))}")
        runs.close(self.run, state, message=message, **counts)


def _read_as(source: Source, columns: ColumnPlan) -> str:
    """What was taken for the format of a file, in a line."""
    details = [source.format, source.encoding]
    if source.delimiter:
        details.append("delimiter tab" if source.delimiter == "\t" else f"delimiter {source.delimiter!r}")
    if source.sheet:
        details.append(f"sheet {source.sheet!r}")
    if columns.dates():
        details.append(f"times without a zone in {columns.cell_options.zone}")
    return f"Read as: {', '.join(detail for detail in details if detail)}"


def import_files(
    sources: Sequence[Source],
    options: Options,
    user: Any = None,
    rejects: Path | IO[bytes] | None = None,
    skipped: Path | IO[bytes] | None = None,
    progress: Progress = lambda read, position: None,
    importer: type[FileImport] = FileImport,
    confirm: Confirm | None = None,
    started: Started = lambda runs: None,
    waiting: Waiting = lambda obstacle: None,
) -> list[ImportRun]:
    """Import all the files, or none of them, in one transaction; returns a closed run for each.

    Those of a dry run are not stored. A run's ``state`` says how it ended: ``done``, ``dry``, or ``refused`` with its
    ``message`` or ``problems``. Database errors refuse the import too; only when the account itself cannot be written
    do they come out. ``confirm`` is asked, outside of the transaction, where rows look like leads that were stored
    before. ``started`` is called with the runs as soon as they are stored, ``waiting`` with what is waited for.
    """
    with direct_connection(), runs.interruptible() as ctrl_c, ExitStack() as stack:
        given = [{"kind": importer.kind, **_account(source, options, user)} for source in sources]
        # A dry run uses up no number.
        accounts = [
            ImportRun(**fields) if options.dry_run else stack.enter_context(runs.running(**fields)) for fields in given
        ]
        started(accounts)
        outputs = OutputPaths(rejects, skipped)

        def make_files() -> list[FileImport]:
            several = len(sources) > 1
            return [
                importer(source, run, options, outputs.numbered(number) if several else outputs, progress)
                for number, (source, run) in enumerate(zip(sources, accounts, strict=True), 1)
            ]

        files, ask, is_alone = make_files(), confirm is not None, False
        try:
            while True:
                try:
                    _load_in_transaction(files, options, importer, ctrl_c, ask, is_alone, waiting)
                    break
                except _Overtaken:
                    _end_outputs(files, whole=False)
                    is_alone = True
                except _Unconfirmed as question:
                    _end_outputs(files, whole=False)
                    with ctrl_c:
                        if not (confirm and confirm(str(question))):
                            raise Refused(f"{question}, so nothing was stored") from None
                    ask = False
                files = make_files()
        except _Rollback:
            _close_unstored(files, options)
        except (Refused, DatabaseError) as error:
            message = str(error) if isinstance(error, Refused) else f"the database refused: {str(error).strip()}"
            for file in files:
                file.close(ImportRun.State.REFUSED, message, whole=False)
        except OSError as error:
            message = f"a file could not be read or written: {error.strerror or error}"
            with suppress(DatabaseError):  # the disk may be full for it too
                for file in files:
                    runs.close(file.run, ImportRun.State.REFUSED, message=message, **file.stats.refused())
            with suppress(OSError):
                _end_outputs(files, whole=False)
            raise
        except KeyboardInterrupt:
            _end_outputs(files, whole=False)
            runs.interrupt(accounts)
        finally:
            _end_outputs(files)
        return accounts


def _load_in_transaction(
    files: Sequence[FileImport],
    options: Options,
    importer: type[FileImport],
    ctrl_c: runs.Interrupts,
    ask: bool,
    is_alone: bool,
    waiting: Waiting,
) -> None:
    is_alone = is_alone or importer.runs_alone(options, _size_of(files))
    with ctrl_c:
        own = [file.run.pk for file in files if file.run.pk]
        if obstacle := runs.obstacle(shared=not is_alone, own=own):
            waiting(obstacle)
        with transaction.atomic():
            runs.wait_for_lock(shared=not is_alone)
            _load_all(files, options, importer, ask, is_alone, runs.OtherRuns(own))
            ctrl_c.check()


def _load_all(
    files: Sequence[FileImport],
    options: Options,
    importer: type[FileImport],
    ask: bool,
    is_alone: bool,
    others: runs.OtherRuns,
) -> None:
    _check_together(files, options)
    for file in files:
        file.prepare()
    with importer.around_load(options, is_alone, _size_of(files)):
        for file in files:
            file.load()
        if not options.dry_run:
            lock_for_transaction(Lock.COMPARING)  # the next one to compare sees the leads of this one
        meanwhile = others.ended()
        for file in files:
            file.check_loaded(meanwhile)
        if options.dry_run or any(file.doomed for file in files):
            raise _Rollback
    if ask and (questions := [file.question for file in files if file.question]):
        raise _Unconfirmed("; ".join(questions))
    for file in files:
        for written in file.outputs():
            written.finish()
        file.close(ImportRun.State.DONE)


def _size_of(files: Sequence[FileImport]) -> int:
    return sum(file.source.size for file in files)


def _check_together(files: Sequence[FileImport], options: Options) -> None:
    """Refuse the same file twice, and to write bad rows over a file that is being read."""
    names: dict[str, str] = {}
    for source in (file.source for file in files):
        if source.sha256 in names and not options.again:
            raise Refused(f"{names[source.sha256]} and {source.name} are the same file (--again imports it twice)")
        names[source.sha256] = source.name
    for path in (path for file in files for path in file.output_paths):
        if isinstance(path, Path) and any(file.source.is_at(path) for file in files):
            raise Refused(f"{path} cannot be written, because it is the file to import; choose another name")


def _close_unstored(files: Sequence[FileImport], options: Options) -> None:
    refused = any(file.doomed for file in files)
    for file in files:
        if refused:
            file.close(ImportRun.State.REFUSED, _why(file), whole=options.dry_run)
        else:
            file.close(ImportRun.State.DRY)


def _why(file: FileImport) -> str:
    if not file.stats.rejected:
        return "another file of the same import was refused"
    rows = "1 row is" if file.stats.rejected == 1 else f"{file.stats.rejected} rows are"
    nothing = "nothing would be stored" if file.options.dry_run else "nothing was stored"
    return f"{rows} bad, so {nothing} (--on-error skip stores the good ones)"


def _end_outputs(files: Sequence[FileImport], whole: bool = True) -> None:
    for file in files:
        for written in file.outputs():
            if written.ended:
                continue
            if whole and written.rows:
                written.finish()
            else:
                written.drop()


def _account(source: Source, options: Options, user: Any) -> dict[str, Any]:
    given = asdict(options)
    del given["parallel"]
    asked = {name: value for name, value in given.items() if value not in ({}, (), [], None)}
    return {
        "file_name": showable(source.name)[:255],
        "sha256": source.sha256,
        "options": asked,
        "user": user,
        "started_by": user.username if user else getpass.getuser(),
    }
