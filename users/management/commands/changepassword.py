"""``manage.py changepassword``: Django's command, with an entry in the audit log. The user must change the password."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword

from users.audit import Action, Channel, log_account_event
from users.models import User


class Command(changepassword.Command):
    """Replaces Django's command of the same name."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Ask for the password, store it, and log the change.

        The entry has a transaction of its own, because SQLite would be locked while the operator types the password.
        """
        message = super().handle(*args, **options)
        user = User.objects.get(username=options["username"] or getpass.getuser())
        user.must_change_password = True  # the operator knows it
        user.save(update_fields=["must_change_password"])
        log_account_event(Action.PASSWORD_SET, actor=None, target=user, channel=Channel.CLI)
        return message
