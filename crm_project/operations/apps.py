"""The commands that operators run, as a Django app."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """No models."""

    name = "crm_project.operations"
