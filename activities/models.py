"""Activities as they are stored."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from activities import validators
from activities.querysets import ActivityQuerySet
from leads.models import ImportRun, Lead
from users.audit import Channel


class Activity(models.Model):
    """A call, an e-mail, a meeting, a note: what an agent did with a lead, and on which day.

    ``user_name`` is the author's name as of writing. Rows come in through ``ActivityQuerySet.log``, which keeps the
    lead's ``activity_count`` exact. They are their own entry in the lead's history: ``channel`` and
    ``import_run`` say where they were created.
    """

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="activities", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="activities", db_index=False
    )
    activity_type = models.CharField("type", max_length=validators.MAX_TYPE)
    title = models.CharField("subject", max_length=validators.MAX_TITLE)
    notes = models.TextField(null=True, blank=True)  # noqa: DJ001  the contract distinguishes null and ""
    duration = models.IntegerField("duration (min)", null=True, blank=True)
    activity_date = models.DateField("date")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    user_name = models.CharField("author", max_length=301, editable=False)
    channel = models.CharField(max_length=8, choices=Channel.choices, null=True, editable=False)  # noqa: DJ001  null: not known
    import_run = models.ForeignKey(
        ImportRun, on_delete=models.PROTECT, null=True, editable=False, db_index=False, db_constraint=False
    )

    objects: ClassVar = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activities"
        ordering = ("-activity_date", "-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=~Q(activity_type=""), name="activities_type_not_empty"),
            models.CheckConstraint(condition=~Q(title=""), name="activities_title_not_empty"),
            models.CheckConstraint(condition=Q(duration__gte=0), name="activities_duration_not_negative"),
        ]
        indexes = [
            models.Index(fields=["lead", "-activity_date", "-created_at", "-id"], name="activities_of_lead"),
            models.Index(fields=["-activity_date", "-created_at", "-id"], name="activities_latest"),
            models.Index(fields=["user", "-activity_date", "-created_at", "-id"], name="activities_of_user"),
            models.Index(fields=["activity_type", "-activity_date", "-created_at", "-id"], name="activities_of_type"),
        ]

    def __str__(self) -> str:
        return f"{self.activity_type}: {self.title}"
