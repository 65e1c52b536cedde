"""Leads: people who may buy or sell, and how they come in."""

from django.apps import AppConfig


class LeadsConfig(AppConfig):
    """The app that owns leads and their import."""

    name = "leads"

    def ready(self) -> None:
        """Register the start-up checks."""
        from leads import checks  # noqa: F401  the models must be there first
