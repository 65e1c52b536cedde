"""What works across all apps, on top of them: personal data."""

from django.apps import AppConfig


class MaintenanceConfig(AppConfig):
    """Has no models."""

    name = "maintenance"
