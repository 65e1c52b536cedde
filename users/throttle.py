"""Limits on failed logins and on new accounts, counted by IP address in the database for all workers.

The count is read before the password is checked and increased after it. Attempts at the same moment, at most one for
each thread, can therefore all pass, once. Counting first would cost every successful login two writes.
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
MAX_FAILURES = 5  # of one user name from one address
MAX_NAMES = 20  # user names that fail from one address; an office shares one address
HOUR = timedelta(hours=1)
# Clients with an address that the proxy sent in an unreadable form share one limit. Few of them are legitimate.
MAX_UNKNOWN_FAILURES = 5  # whatever the user names
MAX_UNKNOWN_REGISTRATIONS = 5  # an hour, or REGISTRATION_LIMIT if that is less


class Throttled(Exception):
    """A limit is reached for the next ``wait`` seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(wait)
        self.wait = wait


class ThrottleState(NamedTuple):
    """The failures of the last ``WINDOW`` that count against a user name at an address."""

    failures: int  # of this name
    names: int  # user names that failed
    wait: int  # seconds until the next attempt is allowed, or 0


class LoginFailureManager(models.Manager["LoginFailure"]):
    """``LoginFailure.objects``."""

    def state(self, username: str, address: str) -> ThrottleState:
        """Return the state of a name and an address: one query, of as many rows as the limits allow."""
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
        waits = [_wait(own, MAX_FAILURES, WINDOW, now), _wait([*latest.values()], MAX_NAMES, WINDOW, now)]
        if address == UNKNOWN_ADDRESS:
            waits.append(_wait(failures, MAX_UNKNOWN_FAILURES, WINDOW, now))
        return ThrottleState(len(own), len(latest), max(waits))

    def add(self, username: str, address: str) -> None:
        """Count a failure."""
        self.create(name=hash_identifier(validation.normalized_key(username)), address=address)

    def clear(self, username: str, address: str) -> None:
        """Delete a name's failures at one address, after a successful login."""
        self.filter(name=hash_identifier(validation.normalized_key(username)), address=address).delete()

    def unlock(self, username: str) -> int:
        """Delete a name's failures at all addresses; return their number."""
        return self.filter(name=hash_identifier(validation.normalized_key(username))).delete()[0]

    def unlock_address(self, address: str) -> int:
        """Delete all failures at an address; return their number."""
        return self.filter(address=address).delete()[0]

    def locked_users(self) -> list[AbstractBaseUser]:
        """Return the users with too many failures at an address, sorted by name. Names of no user are omitted."""
        pairs = self._recent().values("name", "address").annotate(failures=Count("pk"))
        names = {pair["name"] for pair in pairs.filter(failures__gte=MAX_FAILURES)}
        if not names:
            return []
        users = get_user_model()._default_manager.order_by("username_key", "pk")
        return [user for user in users.iterator() if hash_identifier(user.username_key) in names]

    def locked_addresses(self) -> list[str]:
        """Return the addresses that have reached a limit for all names."""
        addresses = self._recent().values("address").annotate(names=Count("name", distinct=True), failures=Count("pk"))
        unknown = models.Q(address=UNKNOWN_ADDRESS, failures__gte=MAX_UNKNOWN_FAILURES)
        return sorted(found["address"] for found in addresses.filter(models.Q(names__gte=MAX_NAMES) | unknown))

    def expired(self, now: datetime) -> "models.QuerySet[LoginFailure]":
        """Return the failures that no longer count at ``now``."""
        return self.filter(failed_at__lte=now - WINDOW)

    def _recent(self) -> "models.QuerySet[LoginFailure]":
        return self.filter(failed_at__gt=timezone.now() - WINDOW)


class LoginFailure(models.Model):
    """A login or a change of password with a wrong password.

    ``name`` is a keyed digest of the normalized user name, because people type passwords into the wrong field.
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
        """Return the seconds until ``address`` may create another account, or 0."""
        limit, now = settings.REGISTRATION_LIMIT, timezone.now()
        if not limit:
            return 0
        if address == UNKNOWN_ADDRESS:
            limit = min(limit, MAX_UNKNOWN_REGISTRATIONS)
        made = self.filter(address=address, made_at__gt=now - HOUR).order_by("-made_at")
        return _wait([*made.values_list("made_at", flat=True)[limit - 1 : limit]], 1, HOUR, now)

    def expired(self, now: datetime) -> "models.QuerySet[Registration]":
        """Return the registrations that no longer count at ``now``."""
        return self.filter(made_at__lte=now - HOUR)


class Registration(models.Model):
    """A registration from ``address``, or one that failed because the name was taken. It counts for an hour."""

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
    """One attempt at a user's password. Create it before the password is checked, and call ``record`` afterwards."""

    def __init__(self, username: str, address: str) -> None:
        """Raise ``Throttled`` if the name or the address has reached a limit."""
        self.username, self.address = username, address
        self.state = LoginFailure.objects.state(username, address)
        if self.state.wait:
            raise Throttled(self.state.wait)

    def record(self, success: bool) -> None:
        """Count a failure; after a success, delete the name's failures at this address."""
        if not success:
            LoginFailure.objects.add(self.username, self.address)
            self._log_failure()
        elif self.state.failures:
            LoginFailure.objects.clear(self.username, self.address)

    def _log_failure(self) -> None:
        failures, names, _ = self.state
        event("login_failed", address=self.address)
        if failures + 1 >= MAX_FAILURES or names + (failures == 0) >= MAX_NAMES:
            event("login_locked", address=self.address, seconds=int(WINDOW.total_seconds()))


def hash_identifier(username_key: str) -> str:
    """Return a keyed digest of a normalized user name. Without the key, names cannot be read or guessed from it."""
    return salted_hmac("users.LoginFailure", username_key, algorithm="sha256").hexdigest()


def _wait(times: list[datetime], limit: int, window: timedelta, now: datetime) -> int:
    """Return the seconds until fewer than ``limit`` of ``times`` (newest first) are in the window, or 0."""
    return max(1, ceil((times[limit - 1] + window - now).total_seconds())) if len(times) >= limit else 0
