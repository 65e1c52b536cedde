"""Leads: people who may buy or sell, and how they come in."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate

from crm_project.db.change_time import create_triggers


class LeadsConfig(AppConfig):
    """The app that owns leads and their import."""

    name = "leads"

    def ready(self) -> None:
        """Register the start-up checks."""
        from leads import checks, handover  # noqa: F401  the models must be there first
        from leads.importing import checks as import_checks  # noqa: F401

        post_migrate.connect(restore_triggers, sender=self)


def restore_triggers(using: str, **kwargs: Any) -> None:
    """Create SQLite's triggers again: a migration that rebuilds the table drops them."""
    connection = connections[using]
    if connection.vendor == "sqlite" and "leads_lead" in connection.introspection.table_names():
        create_triggers(connection, "leads_lead")
