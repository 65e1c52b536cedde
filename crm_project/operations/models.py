"""The table with the fingerprint of the ``SECRET_KEY``, and the one of scheduled jobs."""

from django.db import models

from crm_project.operations.scheduled_job import ScheduledJob

__all__ = ["ScheduledJob", "SecretKeyFingerprint"]


class SecretKeyFingerprint(models.Model):
    """A salted scrypt hash of the ``SECRET_KEY`` that the servers of this database use; one row, with the id 1."""

    id = models.SmallIntegerField(primary_key=True)
    encoded = models.CharField(max_length=200)

    class Meta:
        db_table = "operations_secret_key"

    def __str__(self) -> str:
        return "the fingerprint of the SECRET_KEY"
