"""The tables of scheduled jobs (when each is due, which process has it, its last run) and of the ``SECRET_KEY``."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from crm_project.http.timestamps import iso

LEASE = timedelta(minutes=5)  # renewed after each step of a job; then another machine takes the job over
MAX_RESULT = 200


class ScheduledJobManager(models.Manager["ScheduledJob"]):
    """``ScheduledJob.objects``: statements that are right with any number of workers at once."""

    def plan(self, due: Mapping[str, datetime]) -> None:
        """Store jobs that are new, by name with their time; move stored ones to that time if it is earlier."""
        self.bulk_create([self.model(name=name, due_at=at) for name, at in due.items()], ignore_conflicts=True)
        for name, at in due.items():
            self.filter(name=name, due_at__gt=at).update(due_at=at)

    def due(self, names: Iterable[str], now: datetime) -> list[str]:
        """Return the names of the jobs that are due and that no worker has."""
        return list(self._free(now).filter(name__in=names, due_at__lte=now).values_list("name", flat=True))

    def take(self, name: str, owner: str, now: datetime) -> bool:
        """Give a due job to ``owner`` for the time of ``LEASE``; return whether no other worker was faster."""
        free = self._free(now).filter(name=name, due_at__lte=now)
        return bool(free.update(owner=owner, started_at=now, leased_until=now + LEASE))

    def renew(self, name: str, owner: str, now: datetime) -> bool:
        """Extend the lease; return whether ``owner`` still has it."""
        return bool(self.filter(name=name, owner=owner).update(leased_until=now + LEASE))

    def finish(self, name: str, owner: str, **run: Any) -> None:
        """Store how a run ended and when the next is due, and give the job back."""
        self.filter(name=name, owner=owner).update(owner="", leased_until=None, **run)

    def release(self, name: str, owner: str) -> None:
        """Give back a job that has not ended. It is still due, so any worker takes it."""
        self.finish(name, owner)

    def last_runs(self) -> list[dict[str, Any]]:
        """Return when each job ended last, how, and when it is due, as JSON has it."""
        rows = self.order_by("name").values_list("name", "finished_at", "succeeded", "due_at")
        return [
            {"name": name, "last_run": ended and iso(ended), "succeeded": succeeded, "next_run": iso(due)}
            for name, ended, succeeded, due in rows
        ]

    def _free(self, now: datetime) -> "models.QuerySet[ScheduledJob]":
        return self.filter(Q(leased_until=None) | Q(leased_until__lte=now))


class ScheduledJob(models.Model):
    """A job of ``crm_project/operations/jobs.py``: when it is due, which process has it, and its last run."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField()
    owner = models.CharField(max_length=63, default="")  # host and process that run it now
    leased_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    succeeded = models.BooleanField(null=True)
    result = models.CharField(max_length=MAX_RESULT, default="")

    objects: ClassVar[ScheduledJobManager] = ScheduledJobManager()

    class Meta:
        ordering = ("name",)
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class SecretKeyFingerprint(models.Model):
    """A salted scrypt hash of the ``SECRET_KEY`` that the servers of this database use; one row, with the id 1."""

    id = models.SmallIntegerField(primary_key=True)
    encoded = models.CharField(max_length=200)

    class Meta:
        db_table = "operations_secret_key"

    def __str__(self) -> str:
        return "the fingerprint of the SECRET_KEY"
