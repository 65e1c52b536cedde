"""The Django app of the commands for operators."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Has no models."""

    name = "crm_project.operations"
