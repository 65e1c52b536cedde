"""The migration: read, validate, store, recount and reconcile in one transaction, with an import run as its record.

This module neither prints nor parses arguments. Users, leads and activities are streamed from a snapshot of the source;
the same pass validates and stores them. One invalid row rolls everything back.
"""

import getpass
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction

from activities.models import Activity
from crm_project import validation
from crm_project.db import bulk
from crm_project.db.sql import written_columns
from leads.importing import runs
from leads.importing.stats import Refused
from leads.models import ImportRun, Lead
from leads.querysets import build_row
from maintenance.legacy_migration import rules, validate
from maintenance.legacy_migration.issues import IssueLog, printable
from maintenance.legacy_migration.reconcile import MODELS, Comparison, Totals, reconcile
from maintenance.legacy_migration.source import Row, Source, first_line, open_source
from maintenance.legacy_migration.tables import SourceError, SourceTable
from users.audit import Action, Channel, log_account_event
from users.models import User

BATCH = 500  # users stored, or leads corrected, at a time
PROGRESS_EVERY = 10_000  # rows

Progress = Callable[[str, int, int], None]  # table, rows done, rows in total
LEAD_COLUMNS = ("id", *written_columns(Lead))
ACTIVITY_COLUMNS = tuple(field.attname for field in Activity._meta.concrete_fields)
# A column that the earlier server does not have gets the default of the model.
ACTIVITY_DEFAULTS = {field.attname: field.get_default() for field in Activity._meta.concrete_fields}


@dataclass(frozen=True)
class Options:
    """The command's options; ``import_legacy --help`` explains them."""

    fix: bool = False
    dry_run: bool = False


@dataclass
class Outcome:
    """The result of a migration."""

    run: ImportRun
    problems: IssueLog = field(default_factory=IssueLog)  # invalid values
    changes: IssueLog = field(default_factory=IssueLog)  # fixed values and corrected counts
    normalized: Counter[str] = field(default_factory=Counter)  # values trimmed or put into lower case, by column
    ignored_columns: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    def close(self) -> None:
        """Delete the temporary files."""
        self.problems.close()
        self.changes.close()


class _Rollback(Exception):
    """Ends the transaction of a migration that stores nothing."""


def migrate(config: dict[str, Any], name: str, options: Options, progress: Progress) -> Outcome:
    """Migrate the database of ``config`` (see ``source.parse_url``) and return the outcome with its finished run.

    The run's ``state`` is ``done``, ``dry`` or ``refused``; a refused one has a ``message`` or problems. Raises
    ``Refused`` if this product's tables do not exist.
    """
    if ImportRun._meta.db_table not in connection.introspection.table_names():
        raise Refused("the database has no tables yet: run `python manage.py migrate` first")
    fields = {"kind": "legacy", "file_name": name[-255:], "options": asdict(options), "started_by": getpass.getuser()}
    with runs.running(**fields) as run:
        migration = LegacyMigration(Outcome(run), options, progress)
        try:
            with transaction.atomic(), open_source(config) as source:
                migration.load(source)
        except _Rollback:
            migration.finish_unstored()
        except (Refused, SourceError) as error:
            migration.finish(ImportRun.State.REFUSED, str(error))
        except DatabaseError as error:
            migration.finish(ImportRun.State.REFUSED, f"the database rejected the data: {first_line(error)}")
    return migration.outcome


class LegacyMigration:
    """One run of the migration."""

    def __init__(self, outcome: Outcome, options: Options, progress: Progress) -> None:
        self.outcome, self.options, self.progress = outcome, options, progress
        self.totals, self.leads = Totals(), validate.LeadValidator()
        self.problems, self.changes = outcome.problems, outcome.changes

    def load(self, source: Source) -> None:
        """Migrate everything. Call it inside the transaction."""
        runs.wait_for_lock()
        _lock_tables()
        if existing := [label for label, model in MODELS.items() if model.objects.exists()]:
            raise Refused(f"there are {' and '.join(existing)} here already: the migration needs an empty database")
        self.outcome.ignored_columns = [f"{table.name}.{c}" for table in source.tables.values() for c in table.ignored]
        self._load_tables(source)
        if self.problems:
            raise _Rollback
        self._correct_counts(source.tables["leads"].name)
        self.outcome.comparisons, unexplained = reconcile(source, self.totals)
        if unexplained:
            raise Refused("the counts of the two databases do not agree: " + "; ".join(unexplained))
        if self.options.dry_run:
            raise _Rollback
        _advance_sequences()
        after = {"import_run": self.outcome.run.pk, "users": self.totals.stored["users"]}
        log_account_event(Action.MIGRATED_DATABASE, actor=None, target=None, channel=Channel.CLI, after=after)
        self.finish(ImportRun.State.DONE)

    def _load_tables(self, source: Source) -> None:
        users, leads, run_id = validate.UserValidator(), self.leads, self.outcome.run.pk
        self._load_users(self._valid_rows(source, "users", users))
        with bulk.writer(Lead, LEAD_COLUMNS) as write:
            for row in self._valid_rows(source, "leads", leads):
                stored = {**_lead(row), "import_run_id": run_id}
                write([stored[column] for column in LEAD_COLUMNS])
                self.totals.statuses[stored["status"]] += 1
        with bulk.writer(Activity, ACTIVITY_COLUMNS) as write:
            for row in self._valid_rows(source, "activities", validate.ActivityValidator(users, leads)):
                stored = {**ACTIVITY_DEFAULTS, **row, "channel": Channel.IMPORT.value, "import_run_id": run_id}
                write([stored[column] for column in ACTIVITY_COLUMNS])
                leads.count_activity(row["lead_id"])

    def _load_users(self, rows: Iterator[Row]) -> None:
        batch = []
        for row in rows:
            keys = {
                "username_key": validation.normalized_key(row["username"]),
                "email_key": validation.normalized_key(row["email"]) or None,
            }
            batch.append(User(**row, **keys))
            if len(batch) == BATCH:
                User.objects.bulk_create(batch)
                batch = []
        User.objects.bulk_create(batch)

    def _correct_counts(self, table: str) -> None:
        """Set ``activity_count`` to the number of activities. No client knows the leads yet, so ``version`` stays 1."""
        corrected = []
        for lead_id, before, after in self.leads.wrong_counts():
            self.changes.add(table, lead_id, "activity_count", before=before, after=after, reason="counted again")
            corrected.append(Lead(pk=lead_id, activity_count=after))
            if len(corrected) == BATCH:
                bulk.update(Lead, corrected, ["activity_count"])
                corrected = []
        bulk.update(Lead, corrected, ["activity_count"])

    def _valid_rows(self, source: Source, label: str, validator: validate.TableValidator) -> Iterator[Row]:
        """Yield the rows to store. After the first invalid row none follows, but the rest is still validated."""
        total, table = source.count(label), source.tables[label]
        self.progress(label, 0, total)
        for row in source.rows(label):
            self.totals.read[label] += 1
            if label == "leads":
                row["activity_count"] = self._source_count(table.name, row["id"], row["activity_count"])
            clean, problems = validator.validate(row)
            for problem in problems:
                self._log(table, row["id"], problem)
            if clean is not None:
                self._count_normalized(table.name, row, clean, problems)
            if clean is not None and not self.problems:
                self.totals.stored[label] += 1
                yield clean if label != "leads" else {**clean, "activity_count": row["activity_count"]}
            if self.totals.read[label] % PROGRESS_EVERY == 0:
                self.progress(label, self.totals.read[label], total)
        self.progress(label, total, total)

    def _source_count(self, table: str, row_id: Any, count: object) -> int:
        """Return the source's ``activity_count`` as a number that can be stored until ``_correct_counts``."""
        number = count if isinstance(count, int) else 0
        self.totals.source_activity_count += number
        valid = min(max(number, 0), validation.MAX_INT)
        if valid != count:
            reason = "not a count; counted again"
            self.changes.add(table, row_id, "activity_count", before=printable(count), after=valid, reason=reason)
        return valid

    def _log(self, table: SourceTable, row_id: Any, problem: validate.Problem) -> None:
        column, value = table.columns.get(problem.column, problem.column), printable(problem.value)
        if self.options.fix and problem.fixed is not validate.UNFIXABLE:
            after = printable(problem.fixed)
            self.changes.add(table.name, row_id, column, before=value, after=after, reason=problem.reason)
        else:
            self.problems.add(table.name, row_id, column, value=value, reason=problem.reason)

    def _count_normalized(self, table: str, row: Row, clean: Row, problems: list[validate.Problem]) -> None:
        reported = {problem.column for problem in problems}
        for column, value in clean.items():
            if column in reported or not isinstance(value, str) or not isinstance(row[column], str):
                continue
            if value != row[column]:
                self.outcome.normalized[f"{table}.{column}"] += 1

    def finish_unstored(self) -> None:
        """Finish a run that stores nothing: a dry run, or one with invalid rows."""
        if not self.problems:
            self.finish(ImportRun.State.DRY)
            return
        hint = "" if self.options.fix else " (--fix corrects most of them; --help lists its corrections)"
        self.finish(ImportRun.State.REFUSED, f"{len(self.problems):,} values are invalid, nothing was stored{hint}")

    def finish(self, state: ImportRun.State, message: str = "") -> None:
        """Store the run's final state and counts. In a refused run every row read counts as rejected."""
        read, stored = self.totals.read.total(), self.totals.stored.total()
        refused = state == ImportRun.State.REFUSED
        issues = self.problems if self.problems else self.changes
        runs.close(
            self.outcome.run,
            state,
            message=message,
            read=read,
            created=0 if refused else stored,
            skipped=0 if refused else read - stored,
            rejected=read if refused else 0,
            problem_count=len(issues),
            problems=issues.first,
        )


def _lead(row: Row) -> Row:
    """Return every column of a lead. A closed lead's ``closed_at`` is the time of its last change."""
    columns = build_row(row, row["updated_at"], row["created_at"])
    closed_at = row["updated_at"] if row["status"] == rules.CLOSED_STATUS else None
    migrated = {name: row[name] for name in ("is_active", "activity_count")}
    return {**columns, **migrated, "closed_at": closed_at}


def _lock_tables() -> None:
    """Block other writers of the tables until the transaction ends. SQLite's write lock does so by itself."""
    if connection.vendor == "postgresql":
        tables = ", ".join(f'"{model._meta.db_table}"' for model in MODELS.values())
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")


def _advance_sequences() -> None:
    """Set each sequence to the highest migrated id. SQLite does so by itself."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(MODELS.values())):
            cursor.execute(statement)
