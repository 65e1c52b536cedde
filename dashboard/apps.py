"""The dashboard: figures about leads and activities."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Has no tables of its own."""

    name = "dashboard"
