"""Write changes of users and groups to the audit log of accounts, in place of Django's own log."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest

from users import second_factor
from users.audit import (
    ACCESS,
    AccountEvent,
    Action,
    Channel,
    State,
    created_state,
    group_state,
    log_account_event,
    user_state,
)
from users.models import User
from users.throttle import LoginFailure

BEFORE = "crm.account_before"  # in ``request.META``: the stored values before a form changes them


class AuditedUsers:
    """A ``UserAdmin`` whose changes are logged; a base class before ``ModelAdmin``."""

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save the user; remember the values before."""
        if change:
            # Locked, so that an erasure has either ended, or waits and finds the entry.
            list(User.objects.filter(pk=obj.pk).select_for_update().values_list("pk"))
            request.META[BEFORE] = user_state(obj)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def log_addition(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Log a new user."""
        log(request, Action.CREATED, obj, after=created_state(obj))

    def log_change(self, request: HttpRequest, obj: User, message: Any) -> Any:
        """Log what a form changed."""
        obj.refresh_from_db(fields=["username"])
        before, after = request.META.pop(BEFORE, {}), user_state(obj)
        log(request, change_action(before, after), obj, before, after)


class AuditedGroups:
    """A ``GroupAdmin`` whose changes are logged; a base class before ``ModelAdmin``."""

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Save the group; remember the values before."""
        if change:
            request.META[BEFORE] = group_state(obj)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def log_addition(self, request: HttpRequest, obj: Group, message: Any) -> Any:
        """Log a new group."""
        log(request, Action.GROUP_CREATED, obj, after=group_state(obj))

    def log_change(self, request: HttpRequest, obj: Group, message: Any) -> Any:
        """Log what a form changed."""
        log(request, Action.GROUP_CHANGED, obj, request.META.pop(BEFORE, {}), group_state(obj))

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Group]) -> Any:
        """Log groups that are about to be deleted, with the ids of their members."""
        for group in queryset:
            members = sorted(group.user_set.values_list("pk", flat=True))
            log(request, Action.GROUP_DELETED, group, before={**group_state(group), "members": members})


def change_action(before: Mapping[str, Any], after: Mapping[str, Any]) -> Action:
    """Return the action of a change of a user, by the access it grants or revokes."""
    if before.get("is_active") != after.get("is_active"):
        return Action.REACTIVATED if after.get("is_active") else Action.DEACTIVATED
    rights = any(before.get(field) != after.get(field) for field in (*ACCESS, "groups", "rights"))
    return Action.RIGHTS_CHANGED if rights else Action.CHANGED


def set_active(request: HttpRequest, user: User, active: bool) -> None:
    """Deactivate or reactivate a user."""
    with transaction.atomic():
        user.is_active = active
        user.save(update_fields=["is_active"])
        action = Action.REACTIVATED if active else Action.DEACTIVATED
        log(request, action, user, {"is_active": not active}, {"is_active": active})


def unlock(request: HttpRequest, user: User) -> bool:
    """Delete a user's failed logins and wrong codes; return whether there were any."""
    with transaction.atomic():
        delays_ended = second_factor.unlock(user)
        unlocked = bool(LoginFailure.objects.unlock(user.username)) or delays_ended
        if unlocked:
            log(request, Action.UNLOCKED, user)
    return unlocked


def unlock_address(request: HttpRequest, address: str) -> bool:
    """Delete an address's failed logins; return whether there were any."""
    with transaction.atomic():
        unlocked = bool(LoginFailure.objects.unlock_address(address))
        if unlocked:
            log(request, Action.ADDRESS_UNLOCKED, address)
    return unlocked


def log(
    request: HttpRequest,
    action: Action,
    target: User | Group | str | None,
    before: State | None = None,
    after: State | None = None,
) -> AccountEvent | None:
    """Log an action of the user of a request to the back office."""
    actor = cast(User, request.user)
    return log_account_event(action, actor=actor, target=target, channel=Channel.ADMIN, before=before, after=after)
