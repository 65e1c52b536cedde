"""Refresh tokens, with rotation: each can be used once, and belongs to the family that began with one login.

A token is ``<family>.<secret>``. Its successor is derived from it and ``SECRET_KEY``, so that two browser tabs that
refresh at the same moment, or a client that repeats a request after a lost response, get the same successor. A token
that is used again after ``GRACE`` may be stolen: the family is revoked, and the user must log in again.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import ClassVar, Literal, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from crm_project.events import event
from users.base_user import AbstractUser

GRACE = timedelta(seconds=10)
MAX_FAMILIES = 50  # of one user: one for each device, more than anybody uses


class IssuedToken(NamedTuple):
    """A new refresh token. Only its digest is stored."""

    user: AbstractUser
    family: str
    token: str


class RefreshTokenManager(models.Manager["RefreshToken"]):
    """``RefreshToken.objects``."""

    def start(self, user: AbstractUser) -> IssuedToken:
        """Return the first token of a new family. Revoke the least recently used families beyond ``MAX_FAMILIES``."""
        family = uuid4()
        token = f"{family.hex}.{token_urlsafe(32)}"
        self.create(
            family=family,
            user_id=user.pk,
            token_version=user.token_version,
            digest=_digest(token),
            expires_at=timezone.now() + _lifetime(),
        )
        self._revoke_surplus(user)
        return IssuedToken(user, family.hex, token)

    def renew(self, token: str) -> IssuedToken | None:
        """Return the successor of a token that is valid, or was within ``GRACE``; ``None`` for any other token.

        A token that was used before ``GRACE`` revokes its family.
        """
        row = self._family_of(token)
        if row is None:
            return None
        digest, successor = _digest(token), _successor(token)
        issued = IssuedToken(row.user, row.family.hex, successor)
        if digest == row.digest:
            return issued if self._rotate(row, successor) else None
        if digest == row.previous and row.rotated_at and timezone.now() - row.rotated_at <= GRACE:
            return issued if _digest(successor) == row.digest else None
        self.revoke(row.family.hex)
        event("token_family_ended", owner_id=row.user_id, reason="reused")
        return None

    def fault_of(self, token: str) -> Literal["expired", "revoked", "malformed"]:
        """Return why ``renew`` returns ``None`` for a token."""
        family = _family(token)
        if family is None:
            return "malformed"
        return "expired" if self.filter(pk=family, expires_at__lte=timezone.now()).exists() else "revoked"

    def revoke(self, family: str) -> None:
        """Revoke a family: its refresh tokens and its access tokens."""
        self.filter(pk=family).delete()

    def expired(self, now: datetime) -> "models.QuerySet[RefreshToken]":
        """Return the families that have expired by ``now``, with their last access tokens."""
        access = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
        return self.filter(expires_at__lte=now - access)

    def _revoke_surplus(self, user: AbstractUser) -> None:
        """Revoke the user's families beyond ``MAX_FAMILIES``. Each use advances ``expires_at``."""
        latest = self.filter(user_id=user.pk).order_by("-expires_at", "-pk")
        surplus = list(latest.values_list("pk", flat=True)[MAX_FAMILIES:])
        if surplus and self.filter(pk__in=surplus).delete()[0]:
            event("token_families_ended", owner_id=user.pk, families=len(surplus), reason="too_many")

    def _family_of(self, token: str) -> "RefreshToken | None":
        """Return the valid family that a token names, or ``None``. The token itself may be an old one."""
        family = _family(token)
        if family is None:
            return None
        valid = self.filter(expires_at__gt=timezone.now(), user__is_active=True, user__token_version=F("token_version"))
        return valid.select_related("user").filter(pk=family).first()

    def _rotate(self, row: "RefreshToken", successor: str) -> bool:
        """Store the successor; return true also if another request has just stored the same one."""
        now, digest = timezone.now(), _digest(successor)
        unchanged = self.filter(pk=row.pk, digest=row.digest)
        changed = unchanged.update(digest=digest, previous=row.digest, rotated_at=now, expires_at=now + _lifetime())
        return bool(changed) or self.filter(pk=row.pk, digest=digest).exists()


class RefreshToken(models.Model):
    """One family: the digests of its newest and its previous token. Valid while the user's ``token_version`` is."""

    family = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token_version = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=64, blank=True)
    rotated_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    objects: ClassVar[RefreshTokenManager] = RefreshTokenManager()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="refresh_tokens_by_expiry")]

    def __str__(self) -> str:
        return self.family.hex


def _lifetime() -> timedelta:
    return timedelta(days=settings.REFRESH_TOKEN_EXPIRE_DAYS)


def _family(token: str) -> UUID | None:
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError:
        return None


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _successor(token: str) -> str:
    family = token.partition(".")[0]
    return f"{family}.{salted_hmac('users.RefreshToken', token, algorithm='sha256').hexdigest()}"
