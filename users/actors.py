"""Who writes, and through which door: every write of a lead or an activity names its actor."""

import getpass
from typing import NamedTuple, Self

from django.db import models

from users.models import User


class Door(models.TextChoices):
    """The ways in. ``IMPORT`` is a file taken in, whoever started it; ``COMMAND`` everything else an operator runs."""

    API = "api", "API"
    ADMIN = "admin", "Back office"
    IMPORT = "import", "Import"
    COMMAND = "command", "Command line"


class Actor(NamedTuple):
    """Who did something: ``user_id`` is ``None`` where nobody was logged in, ``name`` is as of writing."""

    user_id: int | None
    name: str
    door: Door

    @classmethod
    def of(cls, user: User, door: Door) -> Self:
        """``user``, who is logged in."""
        return cls(user.pk, user.name, door)

    @classmethod
    def operator(cls, door: Door = Door.COMMAND) -> Self:
        """Whoever runs this process, by the name that the operating system knows."""
        return cls(None, getpass.getuser(), door)
