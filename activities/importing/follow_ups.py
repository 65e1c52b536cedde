"""Follow-ups on their way into the table: as activities, with their assignees by user name, email or full name."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Count
from django.utils import timezone

from activities.follow_ups import validators
from activities.follow_ups.querysets import MAX_FOLLOW_UPS, TOO_MANY
from activities.importing.columns import FOLLOW_UPS
from activities.importing.lead_matching import LeadMatcher, LeadReference
from activities.importing.match import Authors, Row, settle_leads
from activities.importing.run import BATCH, LEAD_COLUMNS, name_of, reference_of
from activities.models import FollowUp
from crm_project.validation import MISSING, FieldError, normalized_key
from leads.importing.run import FileImport, Options
from leads.importing.sources.reader import BadRow, Record
from users.audit import Actor, Channel
from users.directory import ids_by_name


class FollowUpImport(FileImport):
    """One file of follow-ups, open and done."""

    kind = "follow-ups"
    vocabulary = FOLLOW_UPS

    def prepare(self) -> None:
        """Map the columns, and read the names of the users."""
        super().prepare()
        self.matcher = LeadMatcher(getattr(self.options, "ids_are_ours", False))
        self.assignees, self.authors = ids_by_name(), Authors()
        self.unassigned = 0

    @staticmethod
    def around_load(options: Options, size: int) -> AbstractContextManager[None]:
        """Nothing: follow-ups have no index that is dear to keep."""
        return nullcontext()

    def load(self) -> None:
        """Every row of the file: checked, its lead found and locked, then stored or rejected."""
        now, records = timezone.now(), iter(self.source)
        while batch := [self._row(record) for record in islice(records, BATCH)]:
            settle_leads(batch, self.matcher)
            self._refuse_too_many([row for row in batch if not row.problems])
            for row in batch:
                self.stats.read += 1
                if row.problems:
                    self.reject(row.line, row.cells, row.problems)
            self.progress(self.stats.read, self.source.position)
            if not self.doomed:
                self._store([row for row in batch if not row.problems], now)
        if self.unassigned:
            self.run.notes.append(f"{self.unassigned:,} assigned to nobody: the assignee is no active user.")

    def _row(self, record: Record) -> Row:
        line, cells = record
        if isinstance(cells, BadRow):
            return Row(line, cells, {}, None, LeadReference(), "", list(cells.problems), has_lead_error=True)
        given, wrong = self.columns.convert(cells)
        reference, user = reference_of(given, wrong), name_of("user", given, wrong)
        values = {name: value for name, value in given.items() if value not in ("", None)}
        if assignee := name_of("assignee", given, wrong):
            values["assignee_id"] = self.assignees.get(normalized_key(assignee))
            self.unassigned += values["assignee_id"] is None
        clean, problems = validators.validate(values)
        read = [problem for problem in problems if problem.loc not in {unread.loc for unread in wrong}]
        # What is missing is a blank cell; the rules would show the whole row.
        errors = [problem._replace(input="") if problem.type == MISSING[0] else problem for problem in read]
        # It only helps to tell leads apart, and files that were saved by a spreadsheet have it in other forms.
        wrong = [problem for problem in wrong if problem.loc[0] != "lead_created_at"]
        unread = any(problem.loc[0] in LEAD_COLUMNS for problem in wrong)
        clean["done_at"] = given.get("done_at")
        return Row(line, cells, clean, given.get("created_at"), reference, user, wrong + errors, has_lead_error=unread)

    def _refuse_too_many(self, rows: list[Row]) -> None:
        """Give a problem to rows that their leads, which are locked, have no room for."""
        stored = FollowUp.objects.filter(lead_id__in={row.lead_id for row in rows}).order_by().values_list("lead_id")
        counts = Counter(dict(stored.annotate(Count("pk"))))
        for row in rows:
            counts[row.lead_id] += 1
            if counts[row.lead_id] > MAX_FOLLOW_UPS:
                row.problems.append(FieldError("lead_full", ("lead_id",), TOO_MANY, row.lead_id))

    def _store(self, rows: list[Row], now: datetime) -> None:
        self.stats.created += len(rows)
        if not rows or self.run.pk is None:  # a dry run
            return
        self.authors.look_up(row.user for row in rows)
        actor = Actor(self.run.user_id, self.run.started_by, Channel.IMPORT)
        FollowUp.objects.store_imported(list(self._values(rows, now)), actor, self.run.pk, now)

    def _values(self, rows: list[Row], now: datetime) -> Iterator[dict[str, Any]]:
        for row in rows:
            author_id, _ = self.authors.found.get(normalized_key(row.user), (None, ""))
            own = {"lead_id": row.lead_id, "created_at": row.created_at or now, "created_by_id": author_id}
            yield {**row.clean, **own}
