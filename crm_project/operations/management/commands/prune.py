"""``manage.py prune``: delete expired rows and files in batches, while the server runs."""

from typing import Any

from django.core.management import BaseCommand

from crm_project.operations.prune import prune


class Command(BaseCommand):
    """``manage.py work`` does the same once a day. Expired rows have no effect, they only take up space."""

    help = "Delete expired data: stored responses of idempotent requests, sessions, rows of failed imports and others."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete what has expired, and print the number of each kind."""
        for line in prune():
            if options["verbosity"]:
                self.stdout.write(line)
