"""Finding and making users; names compare without regard to case."""

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from crm_project import validation
from crm_project.db import sql
from users import confusables, second_factor, validators
from users.audit import Action, Channel, created_state, log_account_event
from users.refresh import RefreshToken
from users.reset_requests import PasswordResetRequest
from users.sessions import UserSession
from users.throttle import LoginFailure

if TYPE_CHECKING:
    from users.models import User

ERASED = "erased-"  # before the id, the name of a user who was erased
FOR_TOKEN = ("id", "username", "email", "first_name", "last_name", "token_version")
BY_TOKEN = f"SELECT {', '.join(FOR_TOKEN)} FROM users_user WHERE id = %s AND token_version = %s AND is_active"
FAMILY_LIVES = "EXISTS (SELECT 1 FROM users_refreshtoken WHERE family = %s)"

# Verifying against this costs what verifying a user's password does; nothing is known to match it.
DUMMY = "argon2$argon2id$v=19$m=19456,t=2,p=1$ZHVtbXlkdW1teWR1bW15$" + "A" * 43


WAITING = Q(is_active=False, awaiting_approval_since__isnull=False)  # for approval


class AwaitingApproval(Exception):
    """The password is right, but no manager has approved the account yet."""


class UserManager(BaseUserManager["User"]):
    """``User.objects``."""

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user of that name in any case; Django's admin login looks users up by it."""
        return self.get(username_key=validation.normalized_key(username or ""))

    def is_taken(self, username: str, email: str) -> bool:
        """Return whether a user has that name, one that looks like it, or that address, in any case.

        The database's constraints have the last word, but for look-alikes that are registered at the same moment.
        """
        names = {validation.normalized_key(username), *confusables.look_alikes(username)}
        return self.filter(Q(username_key__in=names) | Q(email_key=validation.normalized_key(email))).exists()

    def register(self, password: str, approval: bool = False, **fields: Any) -> "User":
        """A new agent from checked values (see ``users/validators.py``); with ``approval`` one who waits for a manager.

        Raises ``IntegrityError`` where the name or address is taken.
        """
        since = timezone.now() if approval else None
        user = self.model(
            password=make_password(password), is_active=not approval, awaiting_approval_since=since, **fields
        )
        user.save(force_insert=True)
        return user

    def waiting(self) -> "QuerySet[User]":
        """The accounts that wait for approval."""
        return self.filter(WAITING)

    def approve(self, user: "User", actor: "User") -> bool:
        """Activate an account that waits for approval; say whether it still did."""
        return self._decide(user, actor, Action.APPROVED, is_active=True)

    def decline(self, user: "User", actor: "User") -> bool:
        """Make an account that waits for approval a deactivated one; say whether it still waited."""
        return self._decide(user, actor, Action.DEACTIVATED, is_active=False)

    def _decide(self, user: "User", actor: "User", action: Action, is_active: bool) -> bool:
        before = {"is_active": False, "awaiting_approval": True}
        after = {"is_active": is_active, "awaiting_approval": False}
        with transaction.atomic():
            waiting = self.waiting().filter(pk=user.pk)  # two managers may decide at the same moment
            if not waiting.update(is_active=is_active, awaiting_approval_since=None):
                return False
            log_account_event(action, actor=actor, target=user, channel=Channel.ADMIN, before=before, after=after)
        return True

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """Django's usual factory, for commands and tests."""
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self.db)
        return user

    def create_superuser(self, username: str, email: str = "", password: str | None = None, **fields: Any) -> "User":
        """A user who may do everything in the admin (``make admin``)."""
        self._check_identity(username, email, password)
        with transaction.atomic(using=self.db):
            user = self.create_user(username, email, password, **{**fields, "is_staff": True, "is_superuser": True})
            log_account_event(Action.CREATED, actor=None, target=user, channel=Channel.CLI, after=created_state(user))
        return user

    def _check_identity(self, username: str, email: str, password: str | None) -> None:
        """Raise ``ValidationError`` for what the rules refuse; an administrator may go without an address."""
        given = {"username": username, "email": email, "password": password}
        asked = {name: validators.REGISTRATION[name] for name, value in given.items() if value or name != "email"}
        _, problems = validation.validate(given, asked)
        if problems:
            raise ValidationError([f"{problem.loc[0]}: {problem.msg}" for problem in problems])
        if self.filter(username_key__in=confusables.look_alikes(username)).exists():
            raise ValidationError("username: A user has a name that looks the same")
        validate_password(password or "", self.model(username=username, email=email))

    def authenticate(self, username: str, password: str) -> "User | None":
        """The active user with that name and password, or ``None``: in the same time whether or not the name exists.

        A name longer than any user's costs no normalization and no hash: that nobody has it is no secret. Raises
        ``AwaitingApproval`` where the password is right and the account waits for a manager.
        """
        if len(username) > validators.MAX_NAME:
            return None
        user = self.filter(username_key=validation.normalized_key(username)).first()
        possible = len(password) <= validators.MAX_PASSWORD
        if user is None or not user.has_usable_password() or not possible:
            check_password(password[: validators.MAX_PASSWORD], DUMMY)
            return None
        if not user.check_password(password):
            return None
        if user.is_waiting:
            raise AwaitingApproval
        return user if user.is_active else None

    def change_password(self, user: "User", password: str) -> bool:
        """Give ``user`` a new password and end all tokens; not where they have ended since the user was read."""
        unchanged = self.filter(pk=user.pk, token_version=user.token_version, is_active=True)
        changed = {"password": make_password(password), "must_change_password": False}
        if not unchanged.update(**changed, token_version=F("token_version") + 1):
            return False
        user.refresh_from_db()
        return True

    def revoke_tokens(self, user: "User") -> None:
        """Log ``user`` out everywhere: tokens of both kinds, and the admin."""
        self.filter(pk=user.pk).update(token_version=F("token_version") + 1)

    def erased(self) -> "list[User]":
        """Users who were erased: no address, never let in again, and named after their ids."""
        could_be = self.filter(is_active=False, email="", username__startswith=ERASED).order_by("pk")
        return [user for user in could_be if user.username.rstrip("-") == f"{ERASED}{user.pk}"]

    def erase(self, user: "User") -> str:
        """Take away who ``user`` is, and everything they may do; returns the name that stands for them from now on."""
        name = f"{ERASED}{user.pk}"
        while self.filter(username_key=name).exclude(pk=user.pk).exists():
            name += "-"
        LoginFailure.objects.unlock(user.username)
        RefreshToken.objects.filter(user=user).delete()
        second_factor.remove(user)
        UserSession.objects.filter(user=user).delete()
        PasswordResetRequest.objects.filter(user=user).delete()
        user.groups.clear()
        user.user_permissions.clear()
        user.username, user.email, user.first_name, user.last_name = name, "", "", ""
        user.is_active = user.is_staff = user.is_superuser = False
        user.last_login = user.awaiting_approval_since = None
        user.set_unusable_password()
        user.save()
        return name

    def get_by_token_claims(self, user_id: int, token_version: int, family: str | None = None) -> "User | None":
        """The user a token speaks for, if active and not logged out since: one indexed query on every request.

        By an explicit statement, since building the ORM's costs four times as much. The columns that few requests
        read are fetched when they are; who wants to change the user gets a whole one first. A token that came with a
        refresh token is good only while their ``family`` is.
        """
        statement = BY_TOKEN
        given: list[int | str] = [user_id, token_version]
        if family:
            statement += f" AND {FAMILY_LIVES}"
            given.append(family)
        rows = sql.fetch(statement, given)
        if not rows:
            return None
        return self.model.from_db(self.db, (*FOR_TOKEN, "is_active"), (*rows[0], True))
