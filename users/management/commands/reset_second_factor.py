"""``manage.py reset_second_factor``: for the only superuser, if phone and recovery codes are lost."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from crm_project.events import event
from users import second_factor
from users.audit import Action, Channel, log_account_event
from users.models import User


class Command(BaseCommand):
    """Removes a user's second factor, and ends the back office sessions that it verified."""

    help = "Remove a user's authenticator app and recovery codes, so that the password is enough to log in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the user name."""
        parser.add_argument("username", help="the user name, in any case")

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove the factor and log it."""
        with transaction.atomic():
            try:
                user = User.objects.get_by_natural_key(options["username"])
            except User.DoesNotExist:
                raise CommandError(f"There is no user {options['username']}.") from None
            if not second_factor.remove(user):
                raise CommandError(f"{user} has no second factor.")
            log_account_event(Action.SECOND_FACTOR_RESET, actor=None, target=user, channel=Channel.CLI)
        event("second_factor_reset", target_id=user.pk)
        self.stdout.write(f"The second factor of {user} was removed.")
