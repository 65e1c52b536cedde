"""``manage.py remind``: mail to each agent the follow-ups that are due today or overdue."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from activities.reminders import remind


class Command(BaseCommand):
    """``manage.py work`` does the same each morning. Nobody gets a second mail on the same day."""

    help = "Mail to each agent who wants it what is due today and overdue. Only if EMAIL_URL is set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Send the mails, and print how many."""
        try:
            *_, summary = remind()
        except OSError as error:
            raise CommandError(f"The mail server cannot be reached: {error.strerror or type(error).__name__}") from None
        if options["verbosity"]:
            self.stdout.write(summary)
