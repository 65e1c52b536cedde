"""What all API endpoints share, as a Django app: it owns the table of idempotency keys."""

from django.apps import AppConfig


class HttpConfig(AppConfig):
    """One model, no signals."""

    name = "crm_project.http"
    label = "http"
