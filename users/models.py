"""Users: who they are, and what keeps their names apart."""

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
from users.audit import AccountEvent
from users.hashers import as_django
from users.managers import DUMMY, UserManager
from users.refresh import RefreshToken
from users.reset_requests import PasswordResetRequest
from users.sessions import UserSession
from users.throttle import LoginFailure, Registration

__all__ = [
    "AccountEvent",
    "LoginFailure",
    "PasswordResetRequest",
    "RefreshToken",
    "Registration",
    "User",
    "UserSession",
]


class User(AbstractBaseUser, PermissionsMixin):
    """An agent, or office staff (``is_staff``: may enter the admin).

    ``username_key`` and ``email_key`` hold the folded names, and their unique constraints are what makes a 409.
    ``token_version`` rides in every token; raising it ends all tokens given out before.
    """

    username = models.CharField(max_length=150, unique=True)
    email = models.CharField(max_length=254, blank=True)
    username_key = models.CharField(max_length=validation.KEY_LENGTH, editable=False)
    email_key = models.CharField(max_length=validation.KEY_LENGTH, editable=False, null=True)  # noqa: DJ001  unique where present
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("may enter the admin", default=False)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Since when a registered account waits for a manager; a deactivated account has none. See ``is_waiting``.
    awaiting_approval_since = models.DateTimeField(null=True, editable=False)
    token_version = models.PositiveIntegerField(default=1, editable=False)
    must_change_password = models.BooleanField(
        "must choose a new password at the next login", default=False, db_default=False
    )

    objects: ClassVar[UserManager] = UserManager()

    _ends_tokens = False
    _read: dict[str, Any] | None = None  # the stored columns, as they were when they were read or written last

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        ordering = ("username_key", "id")
        permissions = (("handle_personal_data", "Can export and erase what is held about a person"),)
        constraints = [
            models.UniqueConstraint(fields=["username_key"], name="users_username_key_unique"),
            models.UniqueConstraint(fields=["email_key"], name="users_email_key_unique"),
            models.CheckConstraint(condition=~models.Q(username=""), name="users_username_not_empty"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        """ "First Last", as activities keep it; the user name where both are empty."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    @property
    def is_waiting(self) -> bool:
        """Whether the user registered, and no manager has approved or declined the account yet."""
        return not self.is_active and self.awaiting_approval_since is not None

    def clean(self) -> None:
        """Nothing to normalise: AbstractBaseUser would fold ``username`` by NFKC, and here it keeps its spelling."""

    def set_password(self, raw_password: str | None) -> None:
        """Hash a new password; saving the user then ends all tokens."""
        super().set_password(raw_password)
        self.must_change_password = False
        self._ends_tokens = True

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is right; a hash of another kind or strength is replaced, which ends no token."""
        try:
            right, outdated = verify_password(raw_password, as_django(self.password))
        except (ValueError, LookupError):  # a damaged hash: nobody's password, refused at the usual price
            verify_password(raw_password, DUMMY)
            return False
        if right and outdated and raw_password:
            fresh = make_password(raw_password)
            # Only over the hash just checked: a password changed meanwhile stays changed.
            type(self).objects.filter(pk=self.pk, password=self.password).update(password=fresh)
            self.password = fresh
        return right

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **how: Any) -> Self:
        """A stored user, who remembers what was read."""
        user = super().from_db(db, field_names, values, **how)
        user._remember()
        return user

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """Django's, which also fetches a column that was not read; what was read is remembered, and no more."""
        names = None if fields is None else list(fields)
        super().refresh_from_db(using, names, from_queryset)
        self._remember(names)

    def _remember(self, names: Iterable[str] | None = None) -> None:
        columns = _columns(type(self)) if names is None else _columns(type(self)).intersection(names)
        self._read = {**(self._read or {}), **{name: self.__dict__[name] for name in columns if name in self.__dict__}}

    def get_session_auth_hash(self) -> str:
        """What a session of the admin rests on: it ends where tokens end, not with the password alone."""
        return self._session_hash(None)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same under each earlier secret."""
        return map(self._session_hash, settings.SECRET_KEY_FALLBACKS)

    def _session_hash(self, secret: str | None) -> str:
        ends = f"{self.password}:{self.token_version}"
        return salted_hmac("users.User.session", ends, secret=secret, algorithm="sha256").hexdigest()

    def save(
        self,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Keep the keys in step, and end all tokens when the password was changed or the user is not active."""
        new = self._state.adding or bool(force_insert)
        written = self._written(update_fields)
        if "username" in written:
            self.username_key = validation.normalized_key(self.username)
            written.add("username_key")
        if "email" in written:
            self.email_key = validation.normalized_key(self.email) or None
            written.add("email_key")
        if not new and (
            ("password" in written and self._ends_tokens) or ("is_active" in written and not self.is_active)
        ):
            self.token_version = F("token_version") + 1
            written.add("token_version")
        if not new and "is_active" in written:  # whoever sets it has decided: nothing is left to approve
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
            self._ends_tokens = False
        self._remember(None if new else written)

    def _written(self, update_fields: Iterable[str] | None) -> set[str]:
        """The columns that a save of a stored user writes.

        A save of the whole row writes what was changed here since it was read: another request may have deactivated,
        demoted, erased or renamed the user meanwhile, and that must not be undone. ``token_version`` is never set here.
        """
        if update_fields is not None:
            return set(update_fields)
        written = set(_columns(type(self))) - {"id", "token_version"}
        if (read := self._read) is not None:
            own = self.__dict__
            written = {name for name in written if name in own and (name not in read or read[name] != own[name])}
        return written | ({"password"} if self._ends_tokens else set())


@cache
def _columns(model: type[models.Model]) -> frozenset[str]:
    return frozenset(field.attname for field in model._meta.concrete_fields)
