"""Which accounts a manager may change and which groups they may grant: none with more permissions than their own."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from crm_project.http.errors import ApiError
from users.api_keys import READ, WRITE, ApiKey
from users.models import User

STAFF, MANAGERS = "Office staff", "Office managers"
MANAGING = ("users.add_user", "users.change_user", "users.handle_personal_data")  # permissions that make a manager


class WithinScope(BasePermission):
    """Lets a key do what its scopes allow; with a token everything is within scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether it is allowed; raise a 403 that says so if it is not."""
        key = request.auth
        if not isinstance(key, ApiKey) or view.action in getattr(view, "any_scope_actions", ()):
            return True
        needed = READ if request.method in SAFE_METHODS else WRITE
        if needed in key.scopes and not getattr(view, "closed_to_keys", False):
            return True
        detail = "A key cannot be used here" if needed in key.scopes else f"The key has no scope {needed}"
        raise ApiError(status.HTTP_403_FORBIDDEN, detail, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'})


def permissions_of(user: User) -> QuerySet[Permission]:
    """Return the permissions of ``user``, own and by group, also of a deactivated one, who may be reactivated."""
    return Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct()


def is_manager(user: User) -> bool:
    """Return whether ``user`` is a superuser, is in the managers' group, or has one of the managers' permissions."""
    if user.is_superuser or any(user.has_perm(permission) for permission in MANAGING):
        return True
    return user.groups.filter(name=MANAGERS).exists()


def may_change(actor: User, user: User) -> bool:
    """Return whether ``actor``, who may change users, may change this one: its permissions are a subset of their own.

    Otherwise they could set the password of a more powerful account and log in with it.
    """
    if actor.is_superuser:
        return True
    if user.is_superuser:
        return False
    own = permissions_of(actor).values("pk")
    return not permissions_of(user).exclude(pk__in=own).exists()


def grantable_groups(actor: User) -> QuerySet[Group]:
    """Return the groups that ``actor`` may add users to."""
    if actor.is_superuser:
        return Group.objects.all()
    others = Permission.objects.exclude(pk__in=permissions_of(actor).values("pk"))
    return Group.objects.exclude(permissions__in=others)
