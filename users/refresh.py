"""Refresh tokens: chains ("families") of which only the newest link is good, for clients that ask for them.

A token is ``<family>.<secret>``; its successor is derived from it and ``SECRET_KEY``. So two tabs that renew the same
token at the same moment, or one that lost the reply and asks again, get the same successor, and a family never forks.
Outside ``GRACE`` a token that was renewed before is somebody's copy, theirs or ours: the family ends, and both log in.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from crm_project.events import event

if TYPE_CHECKING:
    from users.models import User

GRACE = timedelta(seconds=10)
MAX_FAMILIES = 50  # of one user: a device each, more than anybody has in use


class Issued(NamedTuple):
    """A refresh token to hand out, once: nobody can read it again."""

    user: "User"
    family: str
    token: str


class RefreshTokenManager(models.Manager["RefreshToken"]):
    """``RefreshToken.objects``."""

    def start(self, user: "User") -> Issued:
        """A new family's first token. Beyond ``MAX_FAMILIES`` of a user, those unused the longest end."""
        family = uuid4()
        token = f"{family.hex}.{token_urlsafe(32)}"
        self.create(
            family=family,
            user=user,
            token_version=user.token_version,
            digest=_digest(token),
            expires_at=timezone.now() + _lifetime(),
        )
        self._end_surplus(user)
        return Issued(user, family.hex, token)

    def renew(self, token: str) -> Issued | None:
        """The successor of a token that is good, or was until a moment ago; ``None`` for any other.

        A token that was renewed longer ago than ``GRACE`` ends its family.
        """
        row = self._alive(token)
        if row is None:
            return None
        given, successor = _digest(token), _successor(token)
        issued = Issued(row.user, row.family.hex, successor)
        if given == row.digest:
            return issued if self._step(row, successor) else None
        if given == row.previous and row.rotated_at and timezone.now() - row.rotated_at <= GRACE:
            return issued if _digest(successor) == row.digest else None
        self.end(row.family.hex)
        event("token_family_ended", owner_id=row.user_id, reason="reused")
        return None

    def end(self, family: str) -> None:
        """End a family: its refresh tokens and its access tokens."""
        self.filter(pk=family).delete()

    def expired(self, now: datetime) -> "models.QuerySet[RefreshToken]":
        """The families that have expired by ``now``, and their last access tokens too."""
        access = timedelta(minutes=settings.ACCESS_TOKEN_EXPIRE_MINUTES)
        return self.filter(expires_at__lte=now - access)

    def _end_surplus(self, user: "User") -> None:
        """End the user's families beyond ``MAX_FAMILIES``; ``expires_at`` moves with each use."""
        latest = self.filter(user=user).order_by("-expires_at", "-pk")
        surplus = list(latest.values_list("pk", flat=True)[MAX_FAMILIES:])
        if surplus and self.filter(pk__in=surplus).delete()[0]:
            event("token_families_ended", owner_id=user.pk, families=len(surplus), reason="too_many")

    def _alive(self, token: str) -> "RefreshToken | None":
        try:
            family = UUID(hex=token.partition(".")[0])
        except ValueError:
            return None
        alive = self.filter(expires_at__gt=timezone.now(), user__is_active=True, user__token_version=F("token_version"))
        return alive.select_related("user").filter(pk=family).first()

    def _step(self, row: "RefreshToken", successor: str) -> bool:
        """Put the successor in place; true also where another request has just put the same one there."""
        now, digest = timezone.now(), _digest(successor)
        unchanged = self.filter(pk=row.pk, digest=row.digest)
        changed = unchanged.update(digest=digest, previous=row.digest, rotated_at=now, expires_at=now + _lifetime())
        return bool(changed) or self.filter(pk=row.pk, digest=digest).exists()


class RefreshToken(models.Model):
    """One family: digests of its newest token and of the one before. Good while the user's ``token_version`` stays."""

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


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _successor(token: str) -> str:
    family = token.partition(".")[0]
    return f"{family}.{salted_hmac('users.RefreshToken', token, algorithm='sha256').hexdigest()}"
