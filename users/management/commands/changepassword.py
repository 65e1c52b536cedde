"""``manage.py changepassword``: Django's, with an entry in the audit log; who gets the password must change it."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from users.audit import Action, Channel, log_account_event
from users.models import User


class Command(changepassword.Command):
    """Named after Django's own command, in whose place it stands."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Ask for the password, store it, and log it.

        The entry is written after the change has been stored: one transaction around both would hold SQLite's write
        lock while somebody types.
        """
        done = super().handle(*args, **options)
        user = User.objects.get(username=options["username"] or getpass.getuser())
        user.must_change_password = True  # somebody else knows it
        user.save(update_fields=["must_change_password"])
        log_account_event(Action.PASSWORD_SET, actor=None, target=user, channel=Channel.CLI)
        return done
