"""All models of the app: the user, and the tables that other modules of the app define."""

from django.db import models

from users.api_keys import ApiKey
from users.audit import AccountEvent
from users.base_user import AbstractUser
from users.calendar_links import CalendarLink
from users.managers import UserManager
from users.refresh import RefreshToken
from users.reset_requests import PasswordResetRequest
from users.sessions import UserSession
from users.throttle import LoginFailure, Registration

__all__ = [
    "AccountEvent",
    "ApiKey",
    "CalendarLink",
    "LoginFailure",
    "PasswordResetRequest",
    "RefreshToken",
    "Registration",
    "User",
    "UserSession",
]


class User(AbstractUser):
    """``AUTH_USER_MODEL``."""

    objects = UserManager()

    class Meta:
        ordering = ("username_key", "id")
        permissions = (("handle_personal_data", "Can export and erase personal data"),)
        constraints = [
            models.UniqueConstraint(fields=["username_key"], name="users_username_key_unique"),
            models.UniqueConstraint(fields=["email_key"], name="users_email_key_unique"),
            models.CheckConstraint(condition=~models.Q(username=""), name="users_username_not_empty"),
        ]
