"""Idempotency keys with the responses to repeated requests, and the last writes of users."""

from django.conf import settings
from django.db import models


class IdempotencyKey(models.Model):
    """The response to a POST with an ``Idempotency-Key``, stored in the transaction of the work."""

    # The unique constraint's index begins with the user. Responses contain leads, and are deleted with the user.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+")
    route = models.CharField(max_length=200)  # a pattern of the URL map
    key = models.CharField(max_length=255)  # its SHA-256
    fingerprint = models.BinaryField(max_length=32)  # SHA-256 of method, path, query and body
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField()
    body = models.BinaryField()  # zlib
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "route", "key"], name="http_idempotency_key")]
        indexes = [models.Index(fields=["created_at"], name="http_idempotency_created")]

    def __str__(self) -> str:
        return f"{self.key} on {self.route}"


class LastWrite(models.Model):
    """Where PostgreSQL's log was after the last write of a user, for ``crm_project/db/replica.py``."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    position = models.BigIntegerField()  # bytes from the beginning of the log

    def __str__(self) -> str:
        return f"{self.user_id}: {self.position}"
