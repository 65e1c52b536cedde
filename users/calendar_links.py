"""Secret links to a calendar of one's follow-ups, for calendar programs, which cannot log in."""

from datetime import datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from users.base_user import AbstractUser

PATH = "/api/users/calendar/{}.ics"


class CalendarLinkManager(models.Manager["CalendarLink"]):
    """``CalendarLink.objects``."""

    def renew(self, user: AbstractUser) -> "tuple[CalendarLink, str]":
        """Return a new link of the user's, which ends the earlier one, and its path, which is not stored."""
        secret = token_urlsafe(32)
        values = {"digest": _digest(secret), "created_at": timezone.now()}
        link, _ = self.update_or_create(user_id=user.pk, defaults=values)
        return link, PATH.format(secret)

    def revoke(self, user: AbstractUser) -> bool:
        """End the user's link; return whether there was one."""
        return bool(self.filter(user_id=user.pk).delete()[0])

    def created_at(self, user: AbstractUser) -> datetime | None:
        """Return when the user's link was made, or ``None`` if there is none."""
        return self.filter(user_id=user.pk).values_list("created_at", flat=True).first()

    def user_id(self, secret: str) -> int | None:
        """Return the active user whose link has the secret."""
        found = self.filter(digest=_digest(secret), user__is_active=True)
        return found.values_list("user_id", flat=True).first()


class CalendarLink(models.Model):
    """The link of a user, who has one at most. Of its secret only the SHA-256 is stored."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    objects: ClassVar[CalendarLinkManager] = CalendarLinkManager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Calendar of {self.user}"


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
