"""``manage.py prune``: delete expired rows and files in batches, while the server runs."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management import BaseCommand
from django.utils import timezone
from django.utils.module_loading import module_has_submodule

from crm_project.http.retention import Prune


class Command(BaseCommand):
    """Runs once a day. Expired rows have no effect, they only take up space."""

    help = "Delete expired data: stored responses of idempotent requests, sessions, rows of failed imports and others."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete what has expired, and print the number of each kind."""
        now = timezone.now()
        for kind, prune in expiring().items():
            deleted = prune(now)
            if options["verbosity"]:
                self.stdout.write(f"{kind}: {deleted} deleted")


def expiring() -> dict[str, Prune]:
    """Return the ``EXPIRING`` of the ``retention`` modules of all apps."""
    found: dict[str, Prune] = {}
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "retention"):
            found |= import_module(f"{app.name}.retention").EXPIRING
    return found
