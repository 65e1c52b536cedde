"""Users: agents and staff, their passwords and tokens."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """The app that owns ``AUTH_USER_MODEL``."""

    name = "users"
