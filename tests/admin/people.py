"""Users of each kind, and their clients."""

import importlib

from django.apps import apps
from django.contrib.auth.models import Group
from django.test import Client

from tests.factories import make_user
from users.models import User
from users.permissions import MANAGERS, STAFF

KINDS = ("anonymous", "agent", "staff", "manager", "superuser")


def make_groups() -> None:
    """Create the groups as the migrations do."""
    importlib.import_module("users.migrations.0001_initial").make_groups(apps, None)


def ensure_groups() -> None:
    """Create the groups if they do not exist, because the tables were emptied."""
    if Group.objects.filter(name__in=(STAFF, MANAGERS), permissions__isnull=False).distinct().count() < 2:
        make_groups()


def make_person(kind: str) -> User:
    """Create an agent, a member of a group, or a superuser."""
    user = make_user(is_staff=kind != "agent", is_superuser=kind == "superuser")
    if group := {"staff": STAFF, "manager": MANAGERS}.get(kind):
        join(user, group)
    return user


def join(user: User, group: str) -> None:
    """Make a user a member of one of the office's groups, which may have been deleted with all rows."""
    ensure_groups()
    user.groups.add(Group.objects.get(name=group))


def browser_of(kind: str) -> Client:
    """Return the client of a user of that kind; ``anonymous`` is not logged in."""
    client = Client()
    if kind != "anonymous":
        client.force_login(make_person(kind))
    return client
