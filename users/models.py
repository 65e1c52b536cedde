"""Users: who they are, and what keeps their names apart."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.hashers import make_password, verify_password
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import models
from django.db.models import F
from django.utils import timezone

from crm_project import values
from users.hashers import as_django
from users.managers import DUMMY, UserManager


class User(AbstractBaseUser, PermissionsMixin):
    """An agent, or office staff (``is_staff``: may enter the admin).

    ``username_key`` and ``email_key`` hold the folded names, and their unique constraints are what makes a 409.
    ``token_version`` rides in every token; raising it ends all tokens given out before.
    """

    username = models.CharField(max_length=150, unique=True)
    email = models.CharField(max_length=254, blank=True)
    username_key = models.CharField(max_length=values.KEY_LENGTH, editable=False)
    email_key = models.CharField(max_length=values.KEY_LENGTH, editable=False, null=True)  # noqa: DJ001  unique where present
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_staff = models.BooleanField("may enter the admin", default=False)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    token_version = models.PositiveIntegerField(default=1, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        ordering = ("username_key", "id")
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

    def clean(self) -> None:
        """Nothing to normalise: AbstractBaseUser would fold ``username`` by NFKC, and here it keeps its spelling."""

    def set_password(self, raw_password: str | None) -> None:
        """Hash a new password; saving the user then ends all tokens."""
        super().set_password(raw_password)
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

    def save(
        self,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Keep the keys in step, and end all tokens when the password was changed or the user is not active."""
        if update_fields is not None:
            update_fields = set(update_fields)
            update_fields |= {f"{field}_key" for field in update_fields & {"username", "email"}}
        if update_fields is None or "username" in update_fields:
            self.username_key = values.key(self.username)
        if update_fields is None or "email" in update_fields:
            self.email_key = values.key(self.email) or None
        ends_tokens = getattr(self, "_ends_tokens", False) or not self.is_active
        if (
            ends_tokens
            and self.pk
            and not self._state.adding
            and (update_fields is None or update_fields & {"password", "is_active"})
        ):
            self.token_version = F("token_version") + 1
            update_fields = update_fields and update_fields | {"token_version"}
        super().save(force_insert=force_insert, force_update=force_update, using=using, update_fields=update_fields)
        if not isinstance(self.token_version, int):
            self.refresh_from_db(fields=["token_version"])
        self._ends_tokens = False
