"""``manage.py work``: run scheduled jobs when they are due, on one of all machines on which it runs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from crm_project.operations.jobs import Worker


class Command(BaseCommand):
    """The server does the same beside its requests, unless ``RUN_JOBS=false``."""

    help = "Run the scheduled jobs (prune, remind) when they are due, until SIGTERM. Safe on every machine at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--once``."""
        parser.add_argument("--once", action="store_true", help="run what is due now, and exit; for a timer")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Run jobs until a signal, or once."""
        worker = Worker()
        if not once:
            return worker.run()
        worker.plan()
        number = worker.run_due()
        if options["verbosity"]:
            self.stdout.write(f"{number} jobs run")
        return None
