"""The models of imports: each run with what became of its rows, and the values that it replaced."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from leads.import_uploads import LeftOutRows
from users.models import User

OWN_UNDO_TIME = timedelta(days=1)  # in which those who may import may undo their own imports


class ImportRun(LeftOutRows):
    """One import of one file: who, when, what, and what became of every row.

    ``read = created + updated + skipped + rejected + left_out`` holds by constraint once a run has ended; in a refused
    one every row counts as rejected. ``importing.runs`` says whether a ``running`` run is still alive.
    """

    class State(models.TextChoices):
        """The state of an import."""

        RUNNING = "running"
        DONE = "done"
        DRY = "dry", "Dry run"
        REFUSED = "refused", "Rejected"
        UNDONE = "undone"

    kind = models.CharField(max_length=16, default="leads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True)
    started_by = models.CharField(max_length=150, blank=True)
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, db_index=True)
    options = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0, db_default=0)  # totals, footers, titles: no leads, no errors
    problem_count = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)
    # Rows that were duplicates, and their leads: {line, action, lead_id or of_line, name, email, phone}.
    skipped_rows = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # What was repaired in cells: {kind, count, line, column, before, after}, the first examples of each kind.
    repairs = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # What of the cells filled no field: {line, column, value}.
    remainders = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # What each status of the file became: {value, became, count}.
    statuses = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    message = models.TextField(blank=True)
    notes = models.JSONField(default=list)
    process = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=150, blank=True)
    undone_by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    undo_report = models.JSONField(default=dict)

    class Meta:
        ordering = ("-id",)
        verbose_name = "import"
        permissions = (("import_leads", "Can import leads"), ("undo_import", "Can undo an import"))
        constraints = [
            models.CheckConstraint(
                condition=Q(state="running")
                | Q(
                    read=models.F("created")
                    + models.F("updated")
                    + models.F("skipped")
                    + models.F("rejected")
                    + models.F("left_out")
                ),
                name="import_runs_account_for_every_row",
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk} of {self.file_name}"

    def may_be_undone_by(self, user: User) -> bool:
        """Return whether ``user`` may undo the import: their own of the last day, any with the permission for it."""
        if user.has_perm("leads.undo_import"):
            return True
        is_own = self.user_id == user.pk and user.has_perm("leads.import_leads")
        return is_own and timezone.now() - self.started_at < OWN_UNDO_TIME


class ImportUpdate(models.Model):
    """What an import found in a lead before it wrote over it, so that it can be undone.

    ``before`` has the lead's own fields and ``closed_at`` as they were before the run's first write, ``version`` the
    lead's version after its last one: as long as the lead is still at that version, nobody touched it since.
    """

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="updates", db_index=False)
    lead = models.ForeignKey("leads.Lead", on_delete=models.PROTECT, related_name="+")
    version = models.IntegerField()
    before = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "lead"], name="import_updates_once_a_lead")]

    def __str__(self) -> str:
        return f"{self.run_id} wrote over lead {self.lead_id}"
