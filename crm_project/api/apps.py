"""The HTTP manners all apps share, as a Django app (it owns the management commands that keep the server)."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """One model, no signals."""

    name = "crm_project.api"
    label = "api"
