"""``manage.py export_person EMAIL``: all that is stored about a person, for the person."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from maintenance.privacy.export import export
from maintenance.privacy.subject import PrivacyError, find_subject


class Command(BaseCommand):
    """Exit codes: 0 printed, also where nothing is stored; 1 for what is no address."""

    help = (
        "Print, as JSON, all that is stored about the person with this email address, or this phone number and no "
        "address: as lead (active or deleted, "
        'with what was merged), activities, history, imports, and as user. Its "not_searched" says what is left out.'
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address."""
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        """Print a piece at a time; where the terminal has few characters, JSON's escapes."""
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        try:
            for piece in export(find_subject(email), ascii_only=encoding.lower() not in ("utf-8", "utf8")):
                self.stdout.write(piece, ending="")
        except PrivacyError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"It could not be written ({error.strerror}). This is not all.") from None
