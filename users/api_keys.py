"""Keys for programs: ``crm_<id>_<secret>``, with the rights of their user within their scopes."""

import hmac
import re
from datetime import UTC, date
from hashlib import sha256
from secrets import token_urlsafe
from typing import ClassVar, Literal

from django.conf import settings
from django.db import models
from django.utils import timezone

from users.base_user import AbstractUser

PREFIX = "crm_"
READ, WRITE = "read", "write"
MAX_KEYS = 50  # of one user
MAX_NAME = 64
_form = re.compile(rf"{PREFIX}([1-9][0-9]{{0,17}})_([\w-]{{20,100}})\Z", re.ASCII)


class KeyRejected(Exception):
    """A key that is not valid, or not any more, and why."""

    def __init__(self, reason: Literal["expired", "revoked", "malformed"]) -> None:
        super().__init__(reason)
        self.reason: Literal["expired", "revoked", "malformed"] = reason


class ApiKeyManager(models.Manager["ApiKey"]):
    """``ApiKey.objects``."""

    def issue(self, user: AbstractUser, name: str, scopes: list[str], expires_on: date | None) -> "tuple[ApiKey, str]":
        """Return a new key, and its text, which is not stored."""
        secret = token_urlsafe(32)
        key = self.create(
            user_id=user.pk,
            name=name,
            can_read=READ in scopes,
            can_write=WRITE in scopes,
            expires_on=expires_on,
            digest=_digest(secret),
        )
        return key, f"{PREFIX}{key.pk}_{secret}"

    def authenticate(self, text: str) -> "ApiKey":
        """Return the key of a text, with its user; raise ``KeyRejected`` for any other."""
        if not (found := _form.match(text)):
            raise KeyRejected("malformed")
        key = self.select_related("user").filter(pk=int(found[1])).first()
        if key is None or not hmac.compare_digest(key.digest, _digest(found[2])) or not key.user.is_active:
            raise KeyRejected("revoked")
        today = timezone.now().astimezone(UTC).date()
        if key.expires_on is not None and key.expires_on < today:
            raise KeyRejected("expired")
        if key.last_used_on != today:
            self.filter(pk=key.pk).update(last_used_on=today)
        return key


class ApiKey(models.Model):
    """A key of a user. It is deleted when it is revoked; of its secret only the SHA-256 is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=MAX_NAME)
    can_read = models.BooleanField()
    can_write = models.BooleanField()
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_on = models.DateField("last day", null=True)
    last_used_on = models.DateField("last used", null=True)

    objects: ClassVar = ApiKeyManager()

    class Meta:
        ordering = ("id",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name

    @property
    def scopes(self) -> list[str]:
        """Return what the key may do."""
        return [scope for scope, allowed in ((READ, self.can_read), (WRITE, self.can_write)) if allowed]


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
