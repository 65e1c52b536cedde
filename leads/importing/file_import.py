"""The import of one file: its columns, its rows, and the account of what became of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from crm_project.validation import FieldError
from leads.duplicates import Lookalikes, Stored, count_lookalikes
from leads.importing import runs, warnings
from leads.importing.cells.column_habits import habits_of
from leads.importing.cells.report import CellReport
from leads.importing.columns.column_schema import ColumnSchema
from leads.importing.columns.mapping import LEADS, NOTE, map_headers
from leads.importing.columns.plan import ColumnPlan
from leads.importing.first_load import first_load, is_first_load
from leads.importing.insert_writer import DRY_RUN_IDS, InsertWriter
from leads.importing.notes import NoteTaker, author_of
from leads.importing.options import Options, OutputPaths
from leads.importing.pipeline import batches, is_worth_a_process, needs_database
from leads.importing.rejects import Layout, Rejects, output
from leads.importing.sorting import ERASED, LEFT_OUT, Aside
from leads.importing.sources.reader import Source
from leads.importing.stats import MAX_LISTED, Refused, Stats, as_dict, showable
from leads.importing.upsert_writer import CHANGING, KEYS, DuplicateOptions, UpsertWriter
from leads.importing.warnings import Warnings, as_sentences
from leads.models import ImportRun, Lead
from users.models import User

Progress = Callable[[int, int], None]  # rows read of the current file, bytes of it


class Overtaken(Exception):
    """Rolls back an import that missed duplicates, which another import stored in the meantime."""


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
        self.in_transaction = connection.in_atomic_block  # of the caller, not that of the import
        self.lookalikes: Lookalikes | None = None  # counted while the rows are stored
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
        if self.stores_nothing:
            return
        self._check_known()
        first_id = DRY_RUN_IDS if self.options.dry_run else self.last_id + 1
        if self.options.on_duplicate != "create":
            if count_lookalikes(self.run.pk, Stored(0, meanwhile), first_id):
                raise Overtaken
        elif count := self._count_lookalikes(meanwhile, first_id):
            what = "looks like an existing lead" if count == 1 else "look like existing leads"
            self.question = f"{count:,} of {self.stats.read:,} rows {what} (--on-duplicate decides)"
            self.run.notes.append(self.question)

    def _may_count_meanwhile(self) -> bool:
        is_large = self.options.parallel and is_worth_a_process(self.source)
        return is_large and connection.vendor == "postgresql" and not self.in_transaction and self.last_id > 0

    def _count_lookalikes(self, meanwhile: Sequence[int], first_id: int) -> int:
        if self.lookalikes and not meanwhile:
            return self.lookalikes.count
        return count_lookalikes(self.run.pk, Stored(self.last_id, meanwhile), first_id)

    @classmethod
    def runs_alone(cls, options: Options, size: int = 0) -> bool:
        """Return whether other imports wait for this one; ``size`` is the bytes of all files.

        Those do that change stored leads, which they would lock in different orders, and a first load without indexes.
        """
        changes_leads = options.on_duplicate in CHANGING and not options.dry_run
        return changes_leads or (is_first_load(size) and not options.dry_run)

    @staticmethod
    def around_load(options: Options, is_alone: bool, size: int) -> AbstractContextManager[None]:
        """Return a context manager that makes a first load faster; ``size`` is the bytes of all files."""
        is_worth_it = is_alone and is_first_load(size) and not options.dry_run
        return first_load(is_worth_it, keep=() if options.on_duplicate == "create" else KEYS)

    def load(self) -> None:
        """Check every row of the file, then store, match or reject it. Called inside the transaction."""
        now, straight = timezone.now(), self.options.on_duplicate == "create"
        notes = NoteTaker(self.run, self._note_author(), now)
        if straight:
            in_parts = needs_database(self.columns)
            if self._may_count_meanwhile():
                self.lookalikes = Lookalikes(self.last_id)
            writer: InsertWriter | UpsertWriter = InsertWriter(
                self.run, self.stats, now, notes, self.warnings, in_parts, self.lookalikes
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
                if not (straight and self.stores_nothing) or self.options.dry_run:
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
    def stores_nothing(self) -> bool:
        """Return whether nothing of this file can be stored any more."""
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
    """Return one line with the detected format of a file."""
    details = [source.format, source.encoding]
    if source.delimiter:
        details.append("delimiter tab" if source.delimiter == "\t" else f"delimiter {source.delimiter!r}")
    if source.sheet:
        details.append(f"sheet {source.sheet!r}")
    if columns.dates():
        details.append(f"times without a zone in {columns.cell_options.zone}")
    return f"Read as: {', '.join(detail for detail in details if detail)}"
