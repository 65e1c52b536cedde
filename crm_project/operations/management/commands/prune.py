"""``manage.py prune``: delete what has expired, a batch at a time, while the server goes on serving."""

from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.management import BaseCommand
from django.utils import timezone
from django.utils.module_loading import module_has_submodule

from crm_project.http.retention import Prune


class Command(BaseCommand):
    """Once a day will do. What has expired counts no more anyway, it only takes up room."""

    help = "Delete what has expired: kept replies of repeated requests, sessions and the like."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prune everything and say how much there was of each kind."""
        now = timezone.now()
        for kind, prune in expiring().items():
            deleted = prune(now)
            if options["verbosity"]:
                self.stdout.write(f"{kind}: {deleted} deleted")


def expiring() -> dict[str, Prune]:
    """All that expires in any app, by its name: the ``EXPIRING`` of the modules called ``retention``."""
    found: dict[str, Prune] = {}
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "retention"):
            found |= import_module(f"{app.name}.retention").EXPIRING
    return found
