"""The import of activities: the same engine as for leads, with leads and authors looked up in batches."""

from abc import ABC, abstractmethod
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils import timezone

from activities import limits, validators
from activities.importing.columns import ACTIVITIES
from activities.importing.lead_matching import LeadMatcher, LeadReference
from activities.importing.match import Authors, Row, settle_leads
from activities.models import Activity
from crm_project import validation
from crm_project.db import bulk
from crm_project.validation import MISSING, FieldError, InvalidValue
from leads.importing.file_import import FileImport
from leads.importing.options import Options
from leads.importing.sources.reader import BadRow, Record
from leads.importing.stats import Refused
from leads.models import Lead
from users.audit import Channel

BATCH = 1000  # rows whose leads are looked up, locked and counted at a time
COLUMNS = tuple(field.attname for field in Activity._meta.concrete_fields if not field.primary_key)
LONGEST = {"lead_email": 254, "lead_name": 301, "lead_phone": 64, "installation": 64, "user": 150, "assignee": 301}
LEAD_COLUMNS = ("lead_id", "lead_email", "lead_name", "lead_phone", "lead_created_at", "installation")


@dataclass(frozen=True)
class ActivityOptions(Options):
    """``ids_are_ours``: lead ids are those of this installation, although the file does not say so."""

    ids_are_ours: bool = False


class RowsOfLeads(FileImport, ABC):
    """Imports one file of rows that each belong to a lead."""

    matcher: LeadMatcher

    @classmethod
    def runs_alone(cls, options: Options, size: int = 0) -> bool:
        """Return true: the leads of the rows are locked and counted."""
        return True

    @staticmethod
    def around_load(options: Options, is_alone: bool, size: int) -> AbstractContextManager[None]:
        """Return a context manager that does nothing: these tables have no index that is expensive to update."""
        return nullcontext()

    def load(self) -> None:
        """Check every row of the file, find and lock its lead, then store or reject it."""
        now, records = timezone.now(), iter(self.source)
        while batch := [self._row(record) for record in islice(records, BATCH)]:
            self.look_up([row for row in batch if not isinstance(row.cells, BadRow)])
            settle_leads(batch, self.matcher)
            self.refuse_too_many([row for row in batch if not row.problems])
            for row in batch:
                self.stats.read += 1
                if row.problems:
                    self.reject(row.line, row.cells, row.problems)
            self.progress(self.stats.read, self.source.position)
            if not self.stores_nothing:
                self.store([row for row in batch if not row.problems], now)

    def look_up(self, rows: list[Row]) -> None:
        """Look up what else than leads the rows name; nothing unless overridden."""

    @abstractmethod
    def check(self, given: dict[str, Any], wrong: list[FieldError]) -> tuple[dict[str, Any], list[FieldError]]:
        """Return the clean values of a row, and its problems; may add cells that cannot be looked up to ``wrong``."""

    @abstractmethod
    def refuse_too_many(self, rows: list[Row]) -> None:
        """Give a problem to rows that their leads, which are locked, have no room for."""

    @abstractmethod
    def store(self, rows: list[Row], now: datetime) -> None:
        """Store good rows."""

    def _row(self, record: Record) -> Row:
        line, cells = record
        if isinstance(cells, BadRow):
            return Row(line, cells, {}, None, LeadReference(), "", list(cells.problems), has_lead_error=True)
        given, wrong = self.columns.convert(cells)
        user = name_of("user", given, wrong)
        reference = reference_of(given, wrong)
        clean, problems = self.check(given, wrong)
        read = [problem for problem in problems if problem.loc not in {unread.loc for unread in wrong}]
        # What is missing is a blank cell; the rules would show the whole row.
        errors = [problem._replace(input="") if problem.type == MISSING[0] else problem for problem in read]
        # It only helps to tell leads apart, and files that were saved by a spreadsheet have it in other forms.
        wrong = [problem for problem in wrong if problem.loc[0] != "lead_created_at"]
        unread = any(problem.loc[0] in LEAD_COLUMNS for problem in wrong)
        return Row(line, cells, clean, given.get("created_at"), reference, user, wrong + errors, has_lead_error=unread)


class ActivityImport(RowsOfLeads):
    """Imports one file of activities."""

    kind = "activities"
    vocabulary = ACTIVITIES

    def prepare(self) -> None:
        """Prepare the import; also raise ``Refused`` if the default author does not exist."""
        super().prepare()
        self.texts: dict[int, int] = {}  # bytes of text of leads with many activities, those of this file included
        self.matcher = LeadMatcher(getattr(self.options, "ids_are_ours", False))
        self.authors = Authors(self.options.user)
        self.authors.look_up([self.authors.default])
        if self.authors.default and not self.authors.found:
            raise Refused(f"there is no user {self.authors.default!r}")
        if self.authors.found:  # names change, and one that is free is taken by others
            ((author_id, _),) = self.authors.found.values()
            self.run.options["author_id"] = author_id

    def look_up(self, rows: list[Row]) -> None:
        """Look up the authors."""
        self.authors.settle(rows)

    def check(self, given: dict[str, Any], wrong: list[FieldError]) -> tuple[dict[str, Any], list[FieldError]]:
        """Check a row as the API does."""
        return validators.validate(given)

    def refuse_too_many(self, rows: list[Row]) -> None:
        """Give a problem to rows that their leads, which are locked, have no room for."""
        ids = Counter(row.lead_id for row in rows if row.lead_id)
        counts = dict(Lead.objects.filter(pk__in=ids).values_list("pk", "activity_count"))
        many = {lead_id for lead_id, more in ids.items() if counts[lead_id] + more > limits.FEW}
        for lead_id, text in limits.stored_text(many - self.texts.keys()).items():
            self.texts[lead_id] = text
        for row in rows:
            if row.lead_id in many:
                text = self.texts.get(row.lead_id, 0) + limits.text_of(row.clean)
                if counts[row.lead_id] < limits.MAX_ACTIVITIES and text <= limits.MAX_TOTAL_TEXT:
                    counts[row.lead_id] += 1
                    self.texts[row.lead_id] = text
                else:
                    why = limits.TOO_LONG if text > limits.MAX_TOTAL_TEXT else limits.TOO_MANY
                    row.problems.append(FieldError("lead_full", ("lead_id",), why, row.lead_id))

    def store(self, rows: list[Row], now: datetime) -> None:
        """Store activities, and count them on their leads."""
        counts = Counter(row.lead_id for row in rows if row.lead_id)
        self.stats.created += len(rows)
        if counts:
            Lead.objects.count_many_activities(counts)
        if self.options.dry_run:  # uses up no ids
            return
        way_in = {"channel": Channel.IMPORT.value, "import_run_id": self.run.pk, "program": None}
        with bulk.writer(Activity, COLUMNS) as write:
            for row in rows:
                user_id, user_name = row.author
                own = {"lead_id": row.lead_id, "user_id": user_id, "user_name": user_name}
                stored = {**row.clean, **own, **way_in, "created_at": row.created_at or now}
                write([stored[column] for column in COLUMNS])


def reference_of(given: dict[str, Any], wrong: list[FieldError]) -> LeadReference:
    """Return what a row says about its lead; add errors to ``wrong``."""
    return LeadReference(
        lead_id=given.get("lead_id"),
        email=name_of("lead_email", given, wrong),
        name=name_of("lead_name", given, wrong),
        phone=name_of("lead_phone", given, wrong),
        created_at=given.get("lead_created_at"),
        installation=name_of("installation", given, wrong),
    )


def name_of(field: str, given: dict[str, Any], wrong: list[FieldError]) -> str:
    """Return an email address or user name to look up; "" for a value that cannot be one."""
    try:
        return validation.text(given.get(field, ""), LONGEST[field])
    except InvalidValue as invalid:
        wrong.append(FieldError(invalid.type, (field,), invalid.msg, given[field]))
        return ""
