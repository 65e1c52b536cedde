"""The takeover from beginning to end: read, judge, load, count again, in one transaction, with an account of it.

No printing and no argument parsing here. Users, leads and activities are streamed from a snapshot of the source; the
same pass judges and loads them, and one refused row undoes it all.
"""

import getpass
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core.management.color import no_style
from django.db import DatabaseError, connection, transaction

from activities.models import Activity
from crm_project import values
from leads import rules
from leads.importing import accounts, load
from leads.importing.first_load import first_load
from leads.importing.tally import Refused
from leads.models import ImportRun, Lead
from leads.querysets import complete
from maintenance.legacy_migration import validate as judge
from maintenance.legacy_migration.issues import Findings, shown
from maintenance.legacy_migration.reconcile import MODELS, Line, Passed, reconcile
from maintenance.legacy_migration.source import Row, Source, first_line, opened
from maintenance.legacy_migration.tables import Unreadable
from users.actors import Door
from users.audit import Action, Channel, log_account_event
from users.models import User

BATCH = 500  # users stored, or leads corrected, at a time
PROGRESS_EVERY = 10_000  # rows

Progress = Callable[[str, int, int], None]  # table, rows done, rows in all
LEAD_COLUMNS = tuple(field.attname for field in Lead._meta.concrete_fields)
ACTIVITY_COLUMNS = tuple(field.attname for field in Activity._meta.concrete_fields)
# A column that the earlier server does not have gets the value that the model gives a new row.
ACTIVITY_DEFAULTS = {field.attname: field.get_default() for field in Activity._meta.concrete_fields}


@dataclass(frozen=True)
class Options:
    """What the operator asked for; ``import_legacy --help`` explains each."""

    fix: bool = False
    dry_run: bool = False


@dataclass
class Outcome:
    """How it ended. ``problems`` are rows refused, ``changes`` what was mended or recounted, ``tidied`` how many
    values of a column were trimmed or put into lower case, ``ignored`` columns nothing was made of."""

    run: ImportRun
    problems: Findings = field(default_factory=Findings)
    changes: Findings = field(default_factory=Findings)
    tidied: Counter[str] = field(default_factory=Counter)
    ignored: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    def close(self) -> None:
        """Forget the findings."""
        self.problems.close()
        self.changes.close()


class _Rollback(Exception):
    """Ends the transaction of a takeover that stores nothing."""


def take_over(config: dict[str, Any], name: str, options: Options, progress: Progress) -> Outcome:
    """Bring over the database that ``config`` (see ``source.parse``) names; the outcome's ``run`` is closed.

    Its ``state`` is ``done``, ``dry`` or ``refused``, with a ``message`` or problems. Raises ``Refused`` where our own
    tables are not there to take anything.
    """
    if ImportRun._meta.db_table not in connection.introspection.table_names():
        raise Refused("the tables are not there yet: run `python manage.py migrate` first")
    account = {"kind": "legacy", "file_name": name[-255:], "options": asdict(options), "started_by": getpass.getuser()}
    with accounts.running(**account) as run:
        takeover = Takeover(Outcome(run), options, progress)
        try:
            with transaction.atomic(), opened(config) as source:
                takeover.load(source)
        except _Rollback:
            takeover.close_unstored()
        except (Refused, Unreadable) as error:
            takeover.close(ImportRun.State.REFUSED, str(error))
        except DatabaseError as error:
            takeover.close(ImportRun.State.REFUSED, f"the database refused: {first_line(error)}")
    return takeover.outcome


class Takeover:
    """One run of it."""

    def __init__(self, outcome: Outcome, options: Options, progress: Progress) -> None:
        self.outcome, self.options, self.progress = outcome, options, progress
        self.passed, self.leads = Passed(), judge.Leads()
        self.problems, self.changes, self.tidied = outcome.problems, outcome.changes, outcome.tidied

    def load(self, source: Source) -> None:
        """Everything, inside the transaction."""
        accounts.take_turn()
        _keep_others_out()
        if taken := [noun for noun, model in MODELS.items() if model.objects.exists()]:
            raise Refused(f"there are {' and '.join(taken)} here already: take over into an empty database")
        self.outcome.ignored = [f"{found.name}.{c}" for found in source.found.values() for c in found.ignored]
        self._load_all(source)
        if self.problems:
            raise _Rollback
        self._correct_counts(source.found["leads"].name)
        self.outcome.lines, unexplained = reconcile(source, self.passed)
        if unexplained:
            raise Refused("the two sides do not agree: " + "; ".join(unexplained))
        if self.options.dry_run:
            raise _Rollback
        _advance_sequences()
        what = {"import_run": self.outcome.run.pk, "users": self.passed.stored["users"]}
        log_account_event(Action.MIGRATED_DATABASE, actor=None, target=None, channel=Channel.CLI, after=what)
        self.close(ImportRun.State.DONE)

    def _load_all(self, source: Source) -> None:
        users, leads, run_id = judge.Users(), self.leads, self.outcome.run.pk
        self._load_users(self._judged(source, "users", users))
        with first_load(wanted=not self.options.dry_run), load.writer(Lead, LEAD_COLUMNS) as write:
            for row in self._judged(source, "leads", leads):
                stored = {**_lead(row), "import_run_id": run_id}
                write([stored[column] for column in LEAD_COLUMNS])
                self.passed.statuses[stored["status"]] += 1
        with load.writer(Activity, ACTIVITY_COLUMNS) as write:
            for row in self._judged(source, "activities", judge.Activities(users, leads)):
                stored = {**ACTIVITY_DEFAULTS, **row, "door": Door.IMPORT.value, "import_run_id": run_id}
                write([stored[column] for column in ACTIVITY_COLUMNS])
                leads.count(row["lead_id"])

    def _correct_counts(self, table: str) -> None:
        """``activity_count`` is the number of activities. The leads are new to everybody, so no version moves."""
        wrong = []
        for lead_id, recorded, real in self.leads.miscounted():
            self.changes.add(table, lead_id, "activity_count", before=recorded, after=real, reason="counted again")
            wrong.append(Lead(pk=lead_id, activity_count=real))
            if len(wrong) == BATCH:
                load.update(Lead, wrong, ["activity_count"])
                wrong = []
        load.update(Lead, wrong, ["activity_count"])

    def _load_users(self, rows: Iterator[Row]) -> None:
        batch = []
        for row in rows:
            keys = {"username_key": values.key(row["username"]), "email_key": values.key(row["email"]) or None}
            batch.append(User(**row, **keys))
            if len(batch) == BATCH:
                User.objects.bulk_create(batch)
                batch = []
        User.objects.bulk_create(batch)

    def _judged(self, source: Source, noun: str, judging: judge.Judge) -> Iterator[Row]:
        """The rows to store. None any more once one is refused, but the rest is judged all the same."""
        total, found = source.count(noun), source.found[noun]
        self.progress(noun, 0, total)
        for row in source.rows(noun):
            self.passed.read[noun] += 1
            if noun == "leads":
                row["activity_count"] = self._recorded(found.name, row["id"], row["activity_count"])
            clean, wrong = judging.judge(row)
            for one in wrong:
                self._tell(found.name, found.columns.get(one.column, one.column), row["id"], one)
            if clean is not None:
                self._count_tidied(found.name, row, clean, wrong)
            if clean is not None and not self.problems:
                self.passed.stored[noun] += 1
                yield clean if noun != "leads" else {**clean, "activity_count": row["activity_count"]}
            if self.passed.read[noun] % PROGRESS_EVERY == 0:
                self.progress(noun, self.passed.read[noun], total)
        self.progress(noun, total, total)

    def _recorded(self, table: str, row_id: Any, count: object) -> int:
        """The source's count, to begin with. What is no count is told here, a wrong one by ``_correct_counts``."""
        number = count if isinstance(count, int) else 0
        self.passed.recorded += number
        possible = min(max(number, 0), values.BIGGEST_32)
        if possible != count:
            told = {"before": shown(count), "after": possible, "reason": "not a count; counted again"}
            self.changes.add(table, row_id, "activity_count", **told)
        return possible

    def _tell(self, table: str, column: str, row_id: Any, one: judge.Wrong) -> None:
        if self.options.fix and one.after is not judge.BEYOND:
            told = {"before": shown(one.value), "after": shown(one.after), "reason": one.reason}
            self.changes.add(table, row_id, column, **told)
        else:
            self.problems.add(table, row_id, column, value=shown(one.value), reason=one.reason)

    def _count_tidied(self, table: str, row: Row, clean: Row, wrong: list[judge.Wrong]) -> None:
        told = {one.column for one in wrong}
        for column, value in clean.items():
            if isinstance(value, str) and isinstance(row[column], str) and value != row[column] and column not in told:
                self.tidied[f"{table}.{column}"] += 1

    def close_unstored(self) -> None:
        """Write the end of a run that stores nothing: a dry one, or one with refused rows."""
        if not self.problems:
            self.close(ImportRun.State.DRY)
            return
        fixable = "" if self.options.fix else " (--fix mends most of them; --help says how)"
        self.close(ImportRun.State.REFUSED, f"{len(self.problems):,} values are refused, nothing was stored{fixable}")

    def close(self, state: ImportRun.State, message: str = "") -> None:
        """Write the end of the run. In a refused one every row read counts as rejected."""
        read, stored = self.passed.read.total(), self.passed.stored.total()
        refused = state == ImportRun.State.REFUSED
        told = self.problems if self.problems else self.changes
        accounts.close(
            self.outcome.run,
            state,
            message=message,
            read=read,
            created=0 if refused else stored,
            skipped=0 if refused else read - stored,
            rejected=read if refused else 0,
            problem_count=len(told),
            problems=told.kept,
        )


def _lead(row: Row) -> Row:
    """Every column of a lead taken over; one that is closed counts as closed when it last changed."""
    whole = complete(row, row["updated_at"], row["created_at"])
    closed_at = row["updated_at"] if row["status"] == rules.CLOSED else None
    kept = {name: row[name] for name in ("is_active", "activity_count")}
    return {**whole, **kept, "closed_at": closed_at}


def _keep_others_out() -> None:
    """Nobody else writes these tables until the end. SQLite's write lock does it by itself."""
    if connection.vendor == "postgresql":
        tables = ", ".join(f'"{model._meta.db_table}"' for model in MODELS.values())
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")


def _advance_sequences() -> None:
    """The next id comes after the highest taken over. SQLite keeps its own count of explicit ids."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(MODELS.values())):
            cursor.execute(statement)
