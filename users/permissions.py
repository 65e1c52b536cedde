"""Whose account somebody may change, and which groups they may give: never more than they have themselves."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet

from users.models import User

STAFF, MANAGERS = "Office staff", "Office managers"
MANAGING = ("users.add_user", "users.change_user", "users.handle_personal_data")  # permissions that make a manager


def permissions_of(user: User) -> QuerySet[Permission]:
    """What ``user`` was given by name or by group; a deactivated one too, who may be let in again."""
    return Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct()


def is_manager(user: User) -> bool:
    """Return whether ``user`` is a superuser, in the managers' group, or has a manager's permission some other way."""
    if user.is_superuser or any(user.has_perm(permission) for permission in MANAGING):
        return True
    return user.groups.filter(name=MANAGERS).exists()


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
