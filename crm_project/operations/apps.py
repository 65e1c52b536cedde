"""The Django app of the commands for operators."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    """Has the table with the fingerprint of the ``SECRET_KEY``."""

    name = "crm_project.operations"
