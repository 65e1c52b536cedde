"""The list of keys of programs."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from users import permissions
from users.audit import Action
from users.back_office import audited, confirmation
from users.back_office.lists import ListPage, ReadOnly
from users.models import ApiKey, User


class ApiKeyAdmin(ReadOnly, ListPage, ModelAdmin):
    """Keys of programs: users create them with the API, managers revoke them here."""

    list_display = ("name", "user", "scope", "created_at", "last_used_on", "expires_on")
    list_display_links = None
    list_select_related = ("user",)
    list_per_page = 50
    sortable_by = ()
    actions = ("revoke",)

    @display(description="Scopes")
    def scope(self, key: ApiKey) -> str:
        """Return what the key may do."""
        return ", ".join(key.scopes)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user can change users."""
        return request.user.has_perm("users.change_user")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Return whether the user can change users."""
        return request.user.has_perm("users.change_user")

    @admin.action(description="Revoke", permissions=["revoke"])
    @confirmation.confirmed(confirmation.REVOKE)
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Delete the keys of users that the manager may change."""
        actor = cast(User, request.user)
        revoked = 0
        for key in keys.select_related("user"):
            if permissions.may_change(actor, key.user):
                with transaction.atomic():
                    key.delete()
                    audited.log(request, Action.KEY_REVOKED, key.user, after={"api_key": key.name})
                revoked += 1
        messages.success(request, f"{revoked} {'key' if revoked == 1 else 'keys'} revoked.")
