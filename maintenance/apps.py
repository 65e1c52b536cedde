"""Tasks across all other apps: personal data, integrity checks, migration from the earlier server."""

from django.apps import AppConfig


class MaintenanceConfig(AppConfig):
    """Has no models."""

    name = "maintenance"
