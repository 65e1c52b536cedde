"""The Django app of the HTTP package, which has the table of idempotency keys."""

from django.apps import AppConfig


class HttpConfig(AppConfig):
    """Has one model."""

    name = "crm_project.http"
    label = "http"
