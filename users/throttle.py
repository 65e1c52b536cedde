"""Limits against guessing: failed log-ins and new accounts, counted by address for a while in the database.

There they hold for all workers and outlive a restart. A failure is counted after the password was checked, and the
count is read before: guesses that run at the same moment (no more than there are threads) can all pass, once. To
count first and take back on success would cost every right log-in two writes.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar, NamedTuple

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import Count
from django.utils import timezone
from django.utils.crypto import salted_hmac

from crm_project import validation
from crm_project.events import event
from crm_project.validation import UNKNOWN_ADDRESS

WINDOW = timedelta(minutes=15)
TRIES = 5  # failures of one user name from one address
NAMES = 20  # user names that fail from one address: an office sits behind one
HOUR = timedelta(hours=1)
# Clients whose address a proxy has sent in a way that cannot be read: few, if any, who mean well.
TRIES_OF_UNKNOWN = 5  # failures of all of them together, whatever the user names
REGISTRATIONS_OF_UNKNOWN = 5  # an hour, or REGISTRATION_LIMIT where that is less


class Throttled(Exception):
    """A limit is reached; ``wait`` seconds from now it is not."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class ThrottleState(NamedTuple):
    """What counts against a user name at an address now."""

    failures: int
    names: int  # that failed from there, this one or others
    wait: int  # seconds until another try; 0 where it may come at once


class LoginFailureManager(models.Manager["LoginFailure"]):
    """``LoginFailure.objects``."""

    def standing(self, username: str, address: str) -> ThrottleState:
        """How a name and an address stand: one query, of as many rows as the limits let come into being."""
        name, now = hash_identifier(validation.normalized_key(username)), timezone.now()
        rows = self.filter(address=address, failed_at__gt=now - WINDOW).order_by("-failed_at")
        own: list[datetime] = []
        failures: list[datetime] = []
        latest: dict[str, datetime] = {}  # of each name, newest first
        for failed_name, failed_at in rows.values_list("name", "failed_at"):
            failures.append(failed_at)
            latest.setdefault(failed_name, failed_at)
            if failed_name == name:
                own.append(failed_at)
        waits = [_wait(own, TRIES, WINDOW, now), _wait([*latest.values()], NAMES, WINDOW, now)]
        if address == UNKNOWN_ADDRESS:
            waits.append(_wait(failures, TRIES_OF_UNKNOWN, WINDOW, now))
        return ThrottleState(len(own), len(latest), max(waits))

    def add(self, username: str, address: str) -> None:
        """Count a failure."""
        self.create(name=hash_identifier(validation.normalized_key(username)), address=address)

    def clear(self, username: str, address: str) -> None:
        """Forget a name's failures at one address, after the right password."""
        self.filter(name=hash_identifier(validation.normalized_key(username)), address=address).delete()

    def unlock(self, username: str) -> int:
        """Let a name log in from everywhere again; says how many failures were forgotten."""
        return self.filter(name=hash_identifier(validation.normalized_key(username))).delete()[0]

    def unlock_address(self, address: str) -> int:
        """Let an address log in again, whatever failed there; says how many failures were forgotten."""
        return self.filter(address=address).delete()[0]

    def locked_users(self) -> list[AbstractBaseUser]:
        """The users whose name has failed too often at some address, by name; those of no user are not told."""
        pairs = self._recent().values("name", "address").annotate(failures=Count("pk")).filter(failures__gte=TRIES)
        names = {pair["name"] for pair in pairs}
        if not names:
            return []
        users = get_user_model()._default_manager.order_by("username_key", "pk")
        return [user for user in users.iterator() if hash_identifier(user.username_key) in names]

    def locked_addresses(self) -> list[str]:
        """The addresses where too many names have failed, or too many clients without an address."""
        addresses = self._recent().values("address").annotate(names=Count("name", distinct=True), failures=Count("pk"))
        unknown = models.Q(address=UNKNOWN_ADDRESS, failures__gte=TRIES_OF_UNKNOWN)
        return sorted(found["address"] for found in addresses.filter(models.Q(names__gte=NAMES) | unknown))

    def expired(self, now: datetime) -> "models.QuerySet[LoginFailure]":
        """What counts no more at ``now``."""
        return self.filter(failed_at__lte=now - WINDOW)

    def _recent(self) -> "models.QuerySet[LoginFailure]":
        return self.filter(failed_at__gt=timezone.now() - WINDOW)


class LoginFailure(models.Model):
    """A log-in, or a change of password, that a wrong password ended.

    ``name`` is a keyed digest of the folded user name: people type passwords into the wrong field.
    """

    name = models.CharField(max_length=64)
    address = models.CharField(max_length=45)
    failed_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[LoginFailureManager] = LoginFailureManager()

    class Meta:
        indexes = [
            models.Index(fields=["address", "-failed_at"], name="failures_at_address"),
            models.Index(fields=["name", "address"], name="failures_of_name"),
            models.Index(fields=["failed_at"], name="failures_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.failed_at}"


class RegistrationManager(models.Manager["Registration"]):
    """``Registration.objects``."""

    def wait(self, address: str) -> int:
        """Seconds until ``address`` may make another account; 0 where it may now, and where there is no limit."""
        limit, now = settings.REGISTRATION_LIMIT, timezone.now()
        if not limit:
            return 0
        if address == UNKNOWN_ADDRESS:
            limit = min(limit, REGISTRATIONS_OF_UNKNOWN)
        made = self.filter(address=address, made_at__gt=now - HOUR).order_by("-made_at")
        return _wait([*made.values_list("made_at", flat=True)[limit - 1 : limit]], 1, HOUR, now)

    def expired(self, now: datetime) -> "models.QuerySet[Registration]":
        """What counts no more at ``now``."""
        return self.filter(made_at__lte=now - HOUR)


class Registration(models.Model):
    """An account that somebody at ``address`` made for themselves, or one whose name was taken; counts for an hour."""

    address = models.CharField(max_length=45)
    made_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[RegistrationManager] = RegistrationManager()

    class Meta:
        indexes = [
            models.Index(fields=["address", "-made_at"], name="registrations_at_address"),
            models.Index(fields=["made_at"], name="registrations_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.made_at}"


class LoginAttempt:
    """One try at a user's password: allowed before it is checked, and told how it ended after."""

    def __init__(self, username: str, address: str) -> None:
        """``TooMany`` where the name or the address has failed too often."""
        self.username, self.address = username, address
        self.standing = LoginFailure.objects.standing(username, address)
        if self.standing.wait:
            raise Throttled(self.standing.wait)

    def ended(self, right: bool) -> None:
        """A wrong password is counted; a right one wipes out the pair's failures."""
        if not right:
            LoginFailure.objects.add(self.username, self.address)
            self._tell()
        elif self.standing.failures:
            LoginFailure.objects.clear(self.username, self.address)

    def _tell(self) -> None:
        failures, names, _ = self.standing
        event("login_failed", address=self.address)
        if failures + 1 >= TRIES or names + (failures == 0) >= NAMES:
            event("login_locked", address=self.address, seconds=int(WINDOW.total_seconds()))


def hash_identifier(username_key: str) -> str:
    """What stands for a folded user name in the table: not to be read, nor to be tried out without our key."""
    return salted_hmac("users.LoginFailure", username_key, algorithm="sha256").hexdigest()


def _wait(moments: list[datetime], limit: int, window: timedelta, now: datetime) -> int:
    """Whole seconds until fewer than ``limit`` of ``moments`` (newest first) lie in the window; 0 if that is so now."""
    return max(1, ceil((moments[limit - 1] + window - now).total_seconds())) if len(moments) >= limit else 0
