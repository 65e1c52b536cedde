"""The abstract user: its fields, its password, and how it is saved. Modules below ``users.models`` use it."""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.hashers import make_password, verify_password
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from crm_project import validation
from users.hashers import UNMATCHABLE_HASH, as_django


class AbstractUser(AbstractBaseUser, PermissionsMixin):
    """An agent, or office staff (``is_staff``: can log in to the back office).

    ``username_key`` and ``email_key`` are the normalized names; their unique constraints cause the API's 409.
    ``token_version`` is in every token; increasing it revokes all tokens issued before.
    """

    username = models.CharField(max_length=150, unique=True)
    email = models.CharField(max_length=validation.MAX_EMAIL, blank=True)
    username_key = models.CharField(max_length=validation.KEY_LENGTH, editable=False)
    email_key = models.CharField(max_length=validation.KEY_LENGTH, editable=False, null=True)  # noqa: DJ001  unique unless NULL
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("can log in to the back office", default=False)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When the account was registered, until a manager approves or declines it. NULL in other accounts.
    awaiting_approval_since = models.DateTimeField(null=True, editable=False)
    token_version = models.PositiveIntegerField(default=1, editable=False)
    must_change_password = models.BooleanField(
        "must choose a new password at the next login", default=False, db_default=False
    )
    wants_reminders = models.BooleanField(
        "gets a mail each morning with the follow-ups that are due", default=True, db_default=True
    )

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    _password_is_new = False
    _stored: dict[str, Any] | None = None  # the columns as they were last read or written

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        """ "First Last", as activities store it, or the user name if both are empty."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    def get_full_name(self) -> str:
        """Return the name, which the theme asks for as Django's own users have it."""
        return self.name

    @property
    def is_waiting(self) -> bool:
        """Return whether the account was registered and no manager has approved or declined it yet."""
        return not self.is_active and self.awaiting_approval_since is not None

    def clean(self) -> None:
        """Do nothing. AbstractBaseUser would apply NFKC to ``username``, which is stored as it was typed."""

    def set_password(self, raw_password: str | None) -> None:
        """Hash a new password. Saving the user then revokes all tokens."""
        super().set_password(raw_password)
        self.must_change_password = False
        self._password_is_new = True

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether the password is correct. An outdated hash is replaced, which revokes no token."""
        try:
            correct, outdated = verify_password(raw_password, as_django(self.password))
        except (ValueError, LookupError):  # a damaged hash matches no password; the check takes the usual time
            verify_password(raw_password, UNMATCHABLE_HASH)
            return False
        if correct and outdated and raw_password:
            new_hash = make_password(raw_password)
            # Only the hash that was checked is replaced, because another request may have changed the password.
            type(self)._default_manager.filter(pk=self.pk, password=self.password).update(password=new_hash)
            self.password = new_hash
        return correct

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> Self:
        """Return a stored user, with a record of the values that were read."""
        user = super().from_db(db, field_names, values, **options)
        user._record_stored()
        return user

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """Read fields again, and record their values. Django also calls this for a deferred column."""
        names = None if fields is None else list(fields)
        super().refresh_from_db(using, names, from_queryset)
        self._record_stored(names)

    def _record_stored(self, names: Iterable[str] | None = None) -> None:
        columns = _columns(type(self)) if names is None else _columns(type(self)).intersection(names)
        values = {name: self.__dict__[name] for name in columns if name in self.__dict__}
        self._stored = {**(self._stored or {}), **values}

    def get_session_auth_hash(self) -> str:
        """Return the hash that a back office session carries: revoking all tokens also ends the session."""
        return self._session_hash(None)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Return the same hash for each earlier secret key."""
        return map(self._session_hash, settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, secret: str | None) -> str:
        value = f"{self.password}:{self.token_version}"
        return salted_hmac("users.User.session", value, secret=secret, algorithm="sha256").hexdigest()

    def save(
        self,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save the user with its keys. A new password and a deactivation revoke all tokens."""
        new = self._state.adding or bool(force_insert)
        written = self._columns_to_write(update_fields)
        if "username" in written:
            self.username_key = validation.normalized_key(self.username)
            written.add("username_key")
        if "email" in written:
            self.email_key = validation.normalized_key(self.email) or None
            written.add("email_key")
        if not new and (
            ("password" in written and self._password_is_new) or ("is_active" in written and not self.is_active)
        ):
            self.token_version = F("token_version") + 1
            written.add("token_version")
        if not new and "is_active" in written:  # this decides about the account: it no longer awaits approval
            self.awaiting_approval_since = None
            written.add("awaiting_approval_since")
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=None if new else written,
        )
        if not isinstance(self.token_version, int):
            self.refresh_from_db(fields=["token_version"])
        if new or "password" in written:
            self._password_is_new = False
        self._record_stored(None if new else written)

    def _columns_to_write(self, update_fields: Iterable[str] | None) -> set[str]:
        """Return the columns that a save of a stored user writes.

        Without ``update_fields`` these are the columns that this object has changed. Writing all would undo what
        another request has written since: a deactivation, an erasure, a new name. ``token_version`` is never one of
        them.
        """
        if update_fields is not None:
            return set(update_fields)
        written = set(_columns(type(self))) - {"id", "token_version"}
        if (stored := self._stored) is not None:
            own = self.__dict__
            written = {name for name in written if name in own and (name not in stored or stored[name] != own[name])}
        return written | ({"password"} if self._password_is_new else set())


@cache
def _columns(model: type[models.Model]) -> frozenset[str]:
    return frozenset(field.attname for field in model._meta.concrete_fields)
