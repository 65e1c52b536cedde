"""The models of activities, follow-ups and reminders."""

from datetime import date, datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from activities import validators
from activities.follow_ups.querysets import FollowUpQuerySet
from activities.querysets import ActivityQuerySet
from leads.models import ImportRun, Lead
from users.api_keys import MAX_NAME
from users.audit import Channel

REMINDERS_STORED = timedelta(days=30)


class Activity(models.Model):
    """What an agent did with a lead on a day: a call, an email, a meeting, a note.

    ``user_name`` is the author's name as of writing, ``program`` the name of the API key if a program logged it.
    ``ActivityQuerySet.log`` stores activities, so that the lead's ``activity_count`` is exact. An activity is its own
    entry in the lead's history: ``channel`` and ``import_run`` say where it was created.
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
    program = models.CharField(max_length=MAX_NAME, null=True, editable=False)  # noqa: DJ001  null: the user's own login
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

    @property
    def signature(self) -> str:
        """Return the author: "Lena Fischer", or "Zapier (Lena Fischer)" for a program."""
        return f"{self.program} ({self.user_name})" if self.program else self.user_name


class FollowUp(models.Model):
    """What is to be done with a lead, on a day of the office (``TIME_ZONE``).

    ``due_time`` is HH:MM, or "" for any time of the day, which sorts first on both databases. ``FollowUpQuerySet`` has
    all writes. ``activity`` is the one that was logged when the follow-up was done.
    """

    # No constraints in the database on growing tables: creating them would block writers.
    lead = models.ForeignKey(
        Lead, on_delete=models.PROTECT, related_name="follow_ups", db_index=False, db_constraint=False
    )
    title = models.CharField("subject", max_length=validators.MAX_TITLE)
    kind = models.CharField(max_length=validators.MAX_TYPE)
    due_on = models.DateField("day")
    due_time = models.CharField("time", max_length=5, blank=True, default="")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="follow_ups",
        db_index=False,
    )
    done_at = models.DateTimeField("done", null=True, editable=False)
    activity = models.ForeignKey(
        Activity,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )
    import_run = models.ForeignKey(
        ImportRun, on_delete=models.PROTECT, null=True, editable=False, db_index=False, db_constraint=False
    )

    objects: ClassVar = FollowUpQuerySet.as_manager()

    class Meta:
        verbose_name = "follow-up"
        default_permissions = ()  # its own, or the permissions of activities
        ordering = ("due_on", "due_time", "id")
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="follow_ups_title_not_empty"),
            models.CheckConstraint(condition=~Q(kind=""), name="follow_ups_kind_not_empty"),
            models.CheckConstraint(
                condition=Q(activity=None) | Q(done_at__isnull=False), name="follow_ups_activity_when_done"
            ),
        ]
        indexes = [
            models.Index(
                fields=["lead", "due_on", "due_time", "id"], condition=Q(done_at=None), name="follow_ups_open_of_lead"
            ),
            models.Index(fields=["lead", "id"], name="follow_ups_of_lead"),
            models.Index(
                fields=["assignee", "due_on", "due_time", "id"],
                condition=Q(done_at=None),
                name="follow_ups_open_of_user",
            ),
            models.Index(fields=["due_on", "due_time", "id"], condition=Q(done_at=None), name="follow_ups_open"),
            models.Index(
                fields=["assignee", "due_on", "due_time", "id"],
                condition=Q(done_at__isnull=False),
                name="follow_ups_done_of_user",
            ),
            models.Index(
                fields=["due_on", "due_time", "id"], condition=Q(done_at__isnull=False), name="follow_ups_done"
            ),
            models.Index(fields=["activity"], condition=Q(activity__isnull=False), name="follow_ups_of_activity"),
            models.Index(fields=["import_run"], condition=Q(import_run__isnull=False), name="follow_ups_of_import"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"


class ReminderManager(models.Manager["Reminder"]):
    """``Reminder.objects``."""

    def claim(self, user_id: int, day: date) -> bool:
        """Store that the user's mail of the day is about to be sent; return whether nobody else has done so."""
        return self.get_or_create(user_id=user_id, day=day)[1]

    def expired(self, now: datetime) -> "models.QuerySet[Reminder]":
        """Return the rows that no longer matter at ``now``."""
        return self.filter(day__lt=now.date() - REMINDERS_STORED)


class Reminder(models.Model):
    """The morning mail of a user and a day (``activities.reminders``), stored before it is sent."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()

    objects: ClassVar[ReminderManager] = ReminderManager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["day", "user"], name="reminders_once_a_day")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.day}"
