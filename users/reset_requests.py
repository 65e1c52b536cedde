"""Limits on "Forgot your password?": the requests of the last hour, counted by IP address and by account."""

from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from users.base_user import AbstractUser

WINDOW = timedelta(hours=1)
PER_ADDRESS = 20  # an office shares one
PER_ACCOUNT = 3  # a user's mailbox is not flooded


class PasswordResetRequestManager(models.Manager["PasswordResetRequest"]):
    """``PasswordResetRequest.objects``."""

    def wait(self, address: str) -> int:
        """Return the seconds until ``address`` may request again, or 0."""
        now = timezone.now()
        asked = self.filter(address=address, asked_at__gt=now - WINDOW).order_by("-asked_at")
        oldest = asked.values_list("asked_at", flat=True)[PER_ADDRESS - 1 : PER_ADDRESS]
        return max((max(1, ceil((at + WINDOW - now).total_seconds())) for at in oldest), default=0)

    def allowed_for(self, user: AbstractUser | None) -> bool:
        """Return whether the account may get another message. It takes one query, even without an account."""
        recent = self.filter(user_id=user.pk if user else 0, asked_at__gt=timezone.now() - WINDOW)
        return recent.count() < PER_ACCOUNT

    def expired(self, now: datetime) -> "models.QuerySet[PasswordResetRequest]":
        """Return the requests that no longer count at ``now``."""
        return self.filter(asked_at__lte=now - WINDOW)


class PasswordResetRequest(models.Model):
    """A request for a link from ``address``; ``user`` is empty if no account got one. Stored for an hour."""

    address = models.CharField(max_length=45)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PasswordResetRequestManager] = PasswordResetRequestManager()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["address", "-asked_at"], name="reset_requests_at_address"),
            models.Index(fields=["asked_at"], name="reset_requests_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.asked_at}"
