"""``manage.py erase_person EMAIL``: erase a person permanently."""

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from maintenance.privacy.erase import Plan, erase
from maintenance.privacy.subject import PrivacyError
from users.audit import Actor


class Command(BaseCommand):
    """Exit codes: 0 erased, or nothing to erase; 1 not an address, not confirmed, or not possible at the moment."""

    help = (
        "Erase the person with this email address, or this phone number and no address, permanently, as lead and as "
        "user: names, addresses, numbers, titles "
        "and notes, in leads, activities, history and imports. Rows, dates and counts stay. Files that wait on the "
        "import page are deleted. Export first (export_person)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address, and whether to ask."""
        parser.add_argument("email")
        parser.add_argument("--dry-run", action="store_true", help="only count what would be erased")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--remember",
            action=BooleanOptionalAction,
            default=True,
            help="store digests of the leads' addresses and numbers, so that imports skip the person (the default)",
        )

    def handle(self, *args: Any, email: str, dry_run: bool, yes: bool, remember: bool, **options: Any) -> None:
        """Count, ask, erase."""
        try:
            plan = erase(email, Actor.operator(), dry_run=True)
            self._write("Would erase:" if dry_run or not yes else "Erasing:", plan)
            if dry_run or not any(plan.counts.values()):
                return
            if not yes and not confirmed():
                raise CommandError("Nothing was erased.")
            self._write("Erased:", erase(email, Actor.operator(), remember=remember))
        except PrivacyError as error:
            raise CommandError(str(error)) from None

    def _write(self, title: str, plan: Plan) -> None:
        lines = [f"{number:>9,} {kind}" for kind, number in plan.counts.items() if number]
        self.stdout.write("\n".join([title, *(lines or ["nothing: no data found"])]))


def confirmed() -> bool:
    """Return whether somebody types "yes"."""
    try:
        return input('This cannot be undone. Type "yes" to erase: ') == "yes"
    except EOFError:
        return False
