"""The Django app of the commands for operators."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Has the tables of the ``SECRET_KEY``'s fingerprint and of scheduled jobs."""

    name = "crm_project.operations"
