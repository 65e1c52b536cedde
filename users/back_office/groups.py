"""The pages of groups."""

from collections.abc import Sequence
from typing import Any, cast

from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from users.back_office import audited
from users.back_office.forms import ChoicesForm
from users.back_office.lists import ListPage, retry_on_conflict
from users.models import User


class GroupAdmin(audited.AuditedGroups, ListPage, DjangoGroupAdmin, ModelAdmin):
    """Groups and their permissions: for superusers, because who changes groups can grant any permission."""

    filter_horizontal = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is a superuser."""
        return cast(User, request.user).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Return whether the user is a superuser."""
        return cast(User, request.user).is_superuser

    def response_action(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Run the action; retry if someone adds a user to a group that is being deleted."""
        return retry_on_conflict(request, lambda: super(GroupAdmin, self).response_action(request, *args, **kwargs))

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Save the group, unless someone else has deleted it; Django would create it again."""
        if change and not Group.objects.select_for_update().filter(pk=obj.pk).exists():
            raise IntegrityError("the group was deleted")
        super().save_model(request, obj, form, change)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return the groups, and how many users lose their rights."""
        groups = [str(group) for group in objs]
        members = User.objects.filter(groups__in=objs).distinct().count()
        return groups, {"groups": len(groups), "users who lose its rights": members}, set(), []

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete the group; fail if someone else has deleted it."""
        _delete([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        """Delete groups; fail if someone else has deleted one of them."""
        _delete([group.pk for group in queryset])

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        """Return the field of permissions: check boxes, which the keyboard and screen readers can use."""
        kwargs |= {"form_class": ChoicesForm, "widget": UnfoldAdminCheckboxSelectMultipleWidget}
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show what deleting the group does, or delete it."""
        return super().delete_view(request, object_id, {"title": "Delete group", **(extra_context or {})})

    has_add_permission = has_module_permission
    has_change_permission = has_delete_permission = has_view_permission


def _delete(groups: Sequence[int]) -> None:
    _, deleted = Group.objects.filter(pk__in=groups).delete()
    if deleted.get(Group._meta.label, 0) < len(groups):
        raise IntegrityError("groups were deleted")
