"""The import of follow-ups: as that of activities, with assignees by user name, email or full name."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count

from activities.follow_ups import validators
from activities.follow_ups.querysets import MAX_FOLLOW_UPS, TOO_MANY
from activities.importing.columns import FOLLOW_UPS
from activities.importing.lead_matching import LeadMatcher
from activities.importing.match import Authors, Row
from activities.importing.run import RowsOfLeads, name_of
from activities.models import FollowUp
from crm_project.validation import FieldError, normalized_key
from users.audit import Actor, Channel
from users.directory import ids_by_name


class FollowUpImport(RowsOfLeads):
    """Imports one file of open and done follow-ups."""

    kind = "follow-ups"
    vocabulary = FOLLOW_UPS

    def prepare(self) -> None:
        """Map the columns, and read the names of the users."""
        super().prepare()
        self.matcher = LeadMatcher(getattr(self.options, "ids_are_ours", False))
        self.assignees, self.authors = ids_by_name(), Authors()
        self.unassigned = 0

    def load(self) -> None:
        """Load the file, and note how many follow-ups have no assignee."""
        super().load()
        if self.unassigned:
            self.run.notes.append(f"{self.unassigned:,} assigned to nobody: the assignee is no active user.")

    def check(self, given: dict[str, Any], wrong: list[FieldError]) -> tuple[dict[str, Any], list[FieldError]]:
        """Check a row as the API does, with the assignee by name."""
        values = {name: value for name, value in given.items() if value not in ("", None)}
        if assignee := name_of("assignee", given, wrong):
            values["assignee_id"] = self.assignees.get(normalized_key(assignee))
            self.unassigned += values["assignee_id"] is None
        clean, problems = validators.validate(values)
        clean["done_at"] = given.get("done_at")
        return clean, problems

    def refuse_too_many(self, rows: list[Row]) -> None:
        """Give a problem to rows that their leads, which are locked, have no room for."""
        stored = FollowUp.objects.filter(lead_id__in={row.lead_id for row in rows}).order_by().values_list("lead_id")
        counts = Counter(dict(stored.annotate(Count("pk"))))
        for row in rows:
            counts[row.lead_id] += 1
            if counts[row.lead_id] > MAX_FOLLOW_UPS:
                row.problems.append(FieldError("lead_full", ("lead_id",), TOO_MANY, row.lead_id))

    def store(self, rows: list[Row], now: datetime) -> None:
        """Store follow-ups; nothing in a dry run."""
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
