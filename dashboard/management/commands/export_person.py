"""``manage.py export_person EMAIL``: what is held about somebody, for whoever asks for it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm_project.values import Invalid
from dashboard.personal_data.export import document
from dashboard.personal_data.finding import person
from leads.back_office.uploads import Unreadable


class Command(BaseCommand):
    """Exit codes: 0 printed, also where nothing is held; 1 that is no address."""

    help = (
        "Print, as JSON, all that is held about the person with this e-mail address: as lead (active or deleted, with "
        "what it was merged with), activities, history, imports, and as user. Backups, exported files, files that wait "
        "on the import page and notes about other leads are not searched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who."""
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        """Print it a piece at a time."""
        try:
            whom = person(email)
        except Invalid as invalid:
            raise CommandError(f"EMAIL: {invalid.msg}") from None
        try:
            for piece in document(whom):
                self.stdout.write(piece, ending="")
        except Unreadable as unreadable:
            raise CommandError(f"{unreadable}; this is not all.") from None
