"""The manager of users. User names and email addresses are compared without regard to case."""

from typing import Any, TypeVar, cast

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connections, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from crm_project import validation
from crm_project.db import sql
from users import confusables, second_factor, validators
from users.api_keys import ApiKey
from users.audit import Action, Channel, created_state, log_account_event
from users.base_user import AbstractUser
from users.calendar_links import CalendarLink
from users.hashers import UNMATCHABLE_HASH
from users.refresh import RefreshToken
from users.reset_requests import PasswordResetRequest
from users.sessions import UserSession
from users.throttle import LoginFailure

ERASED = "erased-"  # the user name of an anonymized user is this and the id
TOKEN_COLUMNS = ("id", "username", "email", "first_name", "last_name", "token_version")
BY_TOKEN = f"SELECT {', '.join(TOKEN_COLUMNS)} FROM users_user WHERE id = %s AND token_version = %s AND is_active"
FAMILY_EXISTS = "EXISTS (SELECT 1 FROM users_refreshtoken WHERE family = %s)"
AWAITING_APPROVAL = Q(is_active=False, awaiting_approval_since__isnull=False)

UserT = TypeVar("UserT", bound=AbstractUser)


class AwaitingApproval(Exception):
    """The password is correct, but no manager has approved the account yet."""


class UserManager(BaseUserManager[UserT]):
    """``User.objects``."""

    def get_by_natural_key(self, username: str | None) -> UserT:
        """Return the user with that name in any case. Django's login and commands call this."""
        return self.get(username_key=validation.normalized_key(username or ""))

    def is_taken(self, username: str, email: str) -> bool:
        """Return whether a user has that name, a name that looks like it, or that address, in any case.

        The database's constraints decide in the end, except about look-alikes registered at the same moment.
        """
        names = {validation.normalized_key(username), *confusables.look_alikes(username)}
        return self.filter(Q(username_key__in=names) | Q(email_key=validation.normalized_key(email))).exists()

    def register(self, password: str, approval: bool = False, **fields: Any) -> UserT:
        """Return a new agent with validated values; with ``approval``, one who awaits a manager's approval.

        Raises ``IntegrityError`` if the name or address is taken.
        """
        since = timezone.now() if approval else None
        user = self.model(
            password=make_password(password), is_active=not approval, awaiting_approval_since=since, **fields
        )
        user.save(force_insert=True)
        return user

    def waiting(self) -> QuerySet[UserT]:
        """Return the accounts that await approval."""
        return self.filter(AWAITING_APPROVAL)

    def approve(self, user: UserT, actor: UserT) -> bool:
        """Activate an account that awaits approval; return whether it still did."""
        return self._decide(user, actor, Action.APPROVED, is_active=True)

    def decline(self, user: UserT, actor: UserT) -> bool:
        """Deactivate an account that awaits approval; return whether it still did."""
        return self._decide(user, actor, Action.DEACTIVATED, is_active=False)

    def _decide(self, user: UserT, actor: UserT, action: Action, is_active: bool) -> bool:
        before = {"is_active": False, "awaiting_approval": True}
        after = {"is_active": is_active, "awaiting_approval": False}
        with transaction.atomic():
            waiting = self.waiting().filter(pk=user.pk)  # two managers may decide at the same moment
            if not waiting.update(is_active=is_active, awaiting_approval_since=None):
                return False
            log_account_event(action, actor=actor, target=user, channel=Channel.ADMIN, before=before, after=after)
        return True

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> UserT:
        """Return a new user. This is Django's factory, used by commands and tests."""
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self.db)
        return user

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> UserT:
        """Return a new superuser, as ``make admin`` creates it; raise ``ValidationError`` for invalid values."""
        self._validate_superuser(username, email, password)
        with transaction.atomic(using=self.db):
            user = self.create_user(username, email, password, **{**fields, "is_staff": True, "is_superuser": True})
            log_account_event(Action.CREATED, actor=None, target=user, channel=Channel.CLI, after=created_state(user))
        return user

    def _validate_superuser(self, username: str, email: str, password: str | None) -> None:
        """Raise ``ValidationError`` for invalid values. A superuser needs no address."""
        given = {"username": username, "email": email, "password": password}
        rules = {name: validators.REGISTRATION[name] for name, value in given.items() if value or name != "email"}
        _, errors = validation.validate(given, rules)
        if errors:
            raise ValidationError([f"{error.loc[0]}: {error.msg}" for error in errors])
        if self.filter(username_key__in=confusables.look_alikes(username)).exists():
            raise ValidationError("username: A user has a name that looks the same")
        validate_password(password or "", cast(Any, self.model(username=username, email=email)))

    def authenticate(self, username: str, password: str) -> UserT | None:
        """Return the active user with that name and password, or ``None``.

        It takes the same time whether or not the name exists, except for names that are longer than any user's. Raises
        ``AwaitingApproval`` if the password is correct and the account awaits approval.
        """
        if len(username) > validators.MAX_NAME:
            return None
        user = self.filter(username_key=validation.normalized_key(username)).first()
        if user is None or not user.has_usable_password() or len(password) > validators.MAX_PASSWORD:
            check_password(password[: validators.MAX_PASSWORD], UNMATCHABLE_HASH)
            return None
        if not user.check_password(password):
            return None
        if user.is_waiting:
            raise AwaitingApproval
        return user if user.is_active else None

    def change_password(self, user: UserT, password: str) -> bool:
        """Set a new password and revoke all tokens. Return ``False`` if they were revoked since the user was read."""
        unchanged = self.filter(pk=user.pk, token_version=user.token_version, is_active=True)
        changed = {"password": make_password(password), "must_change_password": False}
        if not unchanged.update(**changed, token_version=F("token_version") + 1):
            return False
        user.refresh_from_db()
        return True

    def revoke_tokens(self, user: UserT) -> None:
        """Revoke all tokens of ``user`` and end all back office sessions."""
        self.filter(pk=user.pk).update(token_version=F("token_version") + 1)

    def anonymized(self) -> list[UserT]:
        """Return the users that ``anonymize`` has changed."""
        candidates = self.filter(is_active=False, email="", username__startswith=ERASED).order_by("pk")
        return [user for user in candidates if user.username.rstrip("-") == f"{ERASED}{user.pk}"]

    def anonymize(self, user: UserT) -> str:
        """Remove a user's personal data and access, and return the new user name."""
        name = f"{ERASED}{user.pk}"
        while self.filter(username_key=name).exclude(pk=user.pk).exists():
            name += "-"
        LoginFailure.objects.unlock(user.username)
        RefreshToken.objects.filter(user_id=user.pk).delete()
        ApiKey.objects.filter(user_id=user.pk).delete()
        CalendarLink.objects.revoke(user)
        second_factor.remove(user)
        UserSession.objects.filter(user_id=user.pk).delete()
        PasswordResetRequest.objects.filter(user_id=user.pk).delete()
        user.groups.clear()
        user.user_permissions.clear()
        user.username, user.email, user.first_name, user.last_name = name, "", "", ""
        user.is_active = user.is_staff = user.is_superuser = False
        user.last_login = user.awaiting_approval_since = None
        user.set_unusable_password()
        user.save()
        return name

    def get_by_token_claims(self, user_id: int, token_version: int, family: str | None = None) -> UserT | None:
        """Return the active user with this id and token version, and this refresh token ``family`` if any, or ``None``.

        One indexed query for every API request. The statement is explicit because building it with the ORM takes four
        times as long. Columns that few requests read are deferred; to change the user, read it again first.
        """
        statement = BY_TOKEN
        values: list[int | str] = [user_id, token_version]
        if family:
            statement += f" AND {FAMILY_EXISTS}"
            values.append(family)
        rows = sql.fetch(statement, values, connections[self.db])  # never a replica
        if not rows:
            return None
        return self.model.from_db(self.db, (*TOKEN_COLUMNS, "is_active"), (*rows[0], True))
