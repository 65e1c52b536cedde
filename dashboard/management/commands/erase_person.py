"""``manage.py erase_person EMAIL``: take somebody out of the database, for good."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crm_project.values import Invalid
from dashboard.personal_data.erasure import Counts, Refused, erase
from users.actors import Actor


class Command(BaseCommand):
    """Exit codes: 0 erased, or nothing to erase; 1 not an address, or no "yes"."""

    help = (
        "Erase the person with this e-mail address, as lead and as user. What tells who it was is gone from leads, "
        "activities, history and imports for good; rows, dates and figures stay. Export first (export_person). "
        "Files that wait on the import page are thrown away. Backups, exported files, rejects files of import_leads "
        "and notes about other leads are not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who, and how sure."""
        parser.add_argument("email")
        parser.add_argument("--dry-run", action="store_true", help="only count what would be erased")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, email: str, dry_run: bool, yes: bool, **options: Any) -> None:
        """Count, ask, erase."""
        by = Actor.operator()
        try:
            counts, _ = erase(email, by, dry_run=True)
            self.stdout.write(told("Would erase:" if dry_run or not yes else "Erasing:", counts))
            if dry_run or not any(counts.values()):
                return
            if not yes and not agreed():
                raise CommandError("nothing was erased")
            self.stdout.write(told("Erased:", erase(email, by).counts))
        except Invalid as invalid:
            raise CommandError(f"EMAIL: {invalid.msg}") from None
        except Refused as refused:
            raise CommandError(str(refused)) from None


def agreed() -> bool:
    """Whether somebody is there and types "yes"."""
    try:
        return input('There is no way back. Type "yes" to erase: ') == "yes"
    except EOFError:
        return False


def told(title: str, counts: Counts) -> str:
    """The counts, a line each, without those of nothing."""
    lines = [f"{number:>9,} {kind}" for kind, number in counts.items() if number]
    return "\n".join([title, *(lines or ["nothing: that address leads nowhere"])])
