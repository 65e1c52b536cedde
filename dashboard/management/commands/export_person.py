"""``manage.py export_person EMAIL``: what is held about somebody, for whoever asks for it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm_project.values import Invalid
from dashboard.personal_data.export import document
from dashboard.personal_data.finding import person
from leads.back_office.kept import Unreadable


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
            for piece in document(person(email)):
                # What the terminal cannot show is escaped as JSON has it, so that it stays JSON.
                self.stdout.write(piece if self._takes(piece) else ascii_only(piece), ending="")
        except Invalid as invalid:
            raise CommandError(f"EMAIL: {invalid.msg}") from None
        except Unreadable as unreadable:
            raise CommandError(f"{unreadable}; this is not all.") from None
        except OSError as error:
            raise CommandError(f"It could not be written ({error.strerror}); this is not all.") from None

    def _takes(self, piece: str) -> bool:
        try:
            piece.encode(getattr(self.stdout, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            return False
        return True


def ascii_only(piece: str) -> str:
    """A piece of JSON with everything beyond ASCII, which is in strings alone, as JSON escapes it."""
    return "".join(sign if sign.isascii() else json.dumps(sign)[1:-1] for sign in piece)
