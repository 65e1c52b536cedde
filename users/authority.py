"""Whose account somebody may change, and which groups they may give: never more than they have themselves."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from users.models import User

STAFF, MANAGERS = "Office staff", "Office managers"


def permissions_of(user: User) -> QuerySet[Permission]:
    """What ``user`` was given by name or by group; a deactivated one too, who may be let in again."""
    return Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct()


def reaches(asker: User, user: User) -> bool:
    """Whether ``asker``, who may change users, may change this one: set their password, and so be them."""
    if asker.is_superuser:
        return True
    if user.is_superuser:
        return False
    own = permissions_of(asker).values("pk")
    return not permissions_of(user).exclude(pk__in=own).exists()


def grantable(asker: User) -> QuerySet[Group]:
    """The groups that ``asker`` may put people into."""
    if asker.is_superuser:
        return Group.objects.all()
    beyond = Permission.objects.exclude(pk__in=permissions_of(asker).values("pk"))
    return Group.objects.exclude(permissions__in=beyond)
