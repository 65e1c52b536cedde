"""The Django app of stored files."""

from django.apps import AppConfig


class StorageConfig(AppConfig):
    """Has the tables of files."""

    name = "crm_project.storage"
    label = "storage"
