"""Users in the admin, under the rules of ``users/validators.py``."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from crm_project.events import event
from users import permissions, second_factor
from users.back_office import audited
from users.back_office.approval import Approval, RegistrationFilter
from users.back_office.forms import ChoicesForm, NewUserForm, UserForm
from users.back_office.lists import ListPage, in_turn
from users.back_office.password_links import link_page
from users.models import LoginFailure, User

ACCESS = {"Active": "success", "Locked": "danger", "Deactivated": "warning", "Waiting for approval": "info"}


@admin.register(User)
class UserAdmin(Approval, audited.AuditedUsers, ListPage, DjangoUserAdmin, ModelAdmin):
    """Agents and staff: made, let in, shut out; never deleted, since what they did keeps their name.

    Whoever may change users may change those alone who have no more permissions than they themselves have, and can give
    no more than that (``authority``).
    """

    form = UserForm
    add_form = NewUserForm
    add_form_template = "users/new_user.html"
    list_display = ("username", "full_name", "email", "roles", "access", "last_here")
    list_filter = (RegistrationFilter, "is_active", "is_staff", "groups")
    search_fields = ("username_key", "email_key", "first_name", "last_name")
    search_help_text = "User name, e-mail or name"
    ordering = ("username_key",)
    sortable_by = ("username", "last_here")
    readonly_fields = ("password_page", "second_factor_page", "last_login", "created_at")
    filter_horizontal = ()
    list_per_page = 50
    actions = ("approve", "deactivate", "reactivate", "unlock")
    list_before_template = "users/locked_addresses.html"
    add_fieldsets = ((None, {"fields": ("username", "email", "first_name", "last_name")}),)

    @display(description="Name")
    def full_name(self, user: User) -> str:
        """First and last name."""
        return f"{user.first_name} {user.last_name}".strip()

    @display(description="Last log-in here", ordering="last_login")
    def last_here(self, user: User) -> datetime | None:
        """When the user last entered the back office; log-ins to the API are not kept."""
        return user.last_login

    @display(description="Password")
    def password_page(self, user: User) -> str:
        """The way to its page; of the hash there is nothing to see."""
        return mark_safe('<a class="text-link" href="../password/">Set a new password …</a>')

    @display(description="Second factor")
    def second_factor_page(self, user: User) -> str:
        """Whether it is on, and the way to its page."""
        on = format_html('On · <a class="text-link" href="{}">Reset</a>', "../second-factor/")
        return on if second_factor.app_of(user) else "Off"

    @display(description="Role", label=True)
    def roles(self, user: User) -> list[str] | str:
        """The user's groups."""
        groups = [group.name for group in user.groups.all()]
        return ["Superuser"] if user.is_superuser else groups or "Agent"

    @display(description="Access", label=ACCESS)
    def access(self, user: User) -> str:
        """Whether the user can log in just now."""
        if user.is_waiting:
            return "Waiting for approval"
        if not user.is_active:
            return "Deactivated"
        return "Locked" if getattr(user, "is_locked", False) else "Active"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """All users, with their groups."""
        return cast("QuerySet[User]", super().get_queryset(request).prefetch_related("groups"))

    def get_urls(self) -> Any:
        """Django's, and the way to unlock an address."""
        unlock = self.admin_site.admin_view(self.unlock_address_view)
        return [path("unlock-address/", unlock, name="users_user_unlock_address"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a user; the reply shows a link with which they choose a password."""
        response = super().add_view(request, form_url, extra_context)
        made: User | None = getattr(response, "made_user", None)
        return link_page(request, _asker(request), made) if made else response

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> HttpResponse:
        """Tell that the user is stored; the link comes after the transaction, since a mail server may be slow."""
        messages.success(request, f"The user {obj} was added.")
        response: Any = redirect("admin:users_user_change", obj.pk)
        response.made_user = obj
        return response

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Make a link with which the user chooses a password; one's own is changed on its own page."""
        user = self.get_object(request, unquote(id))
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if user is None:
            raise Http404
        if user.pk == request.user.pk:
            return redirect("admin:password_change")
        return link_page(request, _asker(request), user)

    def unlock_address_view(self, request: HttpRequest) -> HttpResponse:
        """Let an address log in again where too many names have failed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        given = request.POST.get("address", "")
        if given in LoginFailure.objects.locked_addresses() and audited.unlock_address(request, given):
            event("address_unlocked", address=given)
            messages.success(request, f"The address {given} can log in again.")
        elif request.method == "POST":
            messages.info(request, "That address is not locked any more.")
        return redirect("admin:users_user_changelist")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with the addresses that are locked for whoever may unlock them."""
        told: dict[str, Any] = {}
        if self.has_change_permission(request):
            told["locked_addresses"] = LoginFailure.objects.locked_addresses()
            told["waiting_accounts"] = User.objects.waiting().count()
        return super().changelist_view(request, {**told, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with who is locked out told on its users."""
        page = super().get_changelist_instance(request)
        locked = {user.pk for user in LoginFailure.objects.locked_users()}
        for user in page.result_list:
            user.is_locked = user.pk in locked
        return page

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Whoever may change users, and this one in particular."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or permissions.may_change(_asker(request), obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody: users are deactivated."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """What there is to see."""
        if obj is None:
            return self.add_fieldsets
        access: tuple[str, ...] = ("is_active", "is_staff", "must_change_password", "groups")
        if _asker(request).is_superuser:
            access = ("is_active", "is_staff", "is_superuser", "second_factor_page", "must_change_password")
            access += ("groups", "user_permissions")
        own = ("username", "password_page") if self.has_change_permission(request, obj) else ("username",)
        return (
            (None, {"fields": own}),
            ("Person", {"fields": ("first_name", "last_name", "email")}),
            ("Access", {"fields": access}),
            ("Dates", {"fields": ("last_login", "created_at")}),
        )

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """The form, which knows who fills it in."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.asker = _asker(request)
        return form

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Django's; a group that does not yet let anybody in is told."""
        super().save_related(request, form, formsets, change)
        user = form.instance
        if not user.is_staff and user.groups.exists():
            told = f"{user} is in a group but cannot log in here yet: that takes “may enter the admin” as well."
            messages.warning(request, told)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only groups that whoever asks may give."""
        kwargs["form_class"] = ChoicesForm
        if db_field.name == "groups":
            kwargs["queryset"] = permissions.grantable_groups(_asker(request))
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.action(description="Deactivate", permissions=["change"])
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Shut people out, which ends their tokens and sessions."""
        others = [user for user in self._reached(request, users) if user.pk != request.user.pk]
        others = [user for user in others if user.is_active or user.is_waiting]
        for user in others:
            if user.is_waiting:
                User.objects.decline(user, _asker(request))
            else:
                audited.set_active(request, user, False)
        self._tell(request, "deactivated", others)

    @admin.action(description="Let in again", permissions=["change"])
    def reactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Let deactivated people log in again; an account that was never approved is not one of them."""
        others = [user for user in self._reached(request, users) if not user.is_active and not user.is_waiting]
        for user in others:
            audited.set_active(request, user, True)
        self._tell(request, "let in again", others)

    @admin.action(description="Unlock after failed log-ins", permissions=["change"])
    def unlock(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Forget the failed log-ins that lock people out."""
        locked = [user for user in self._reached(request, users) if audited.unlock(request, user)]
        self._tell(request, "unlocked", locked)

    def _reached(self, request: HttpRequest, users: Iterable[User]) -> list[User]:
        return [user for user in users if permissions.may_change(_asker(request), user)]

    def _tell(self, request: HttpRequest, done: str, users: list[User]) -> None:
        event("users_" + done.replace(" ", "_"), users=len(users))
        level = messages.SUCCESS if users else messages.WARNING
        self.message_user(request, f"{len(users)} user{'s' * (len(users) != 1)} {done}.", level)


admin.site.unregister(Group)
for device in (StaticDevice, TOTPDevice):  # django-otp's pages show secrets; ours are in back_office/second_factor.py
    admin.site.unregister(device)


@admin.register(Group)
class GroupAdmin(audited.AuditedGroups, ListPage, DjangoGroupAdmin, ModelAdmin):
    """What groups may do: for superusers, since whoever changes a group can give themselves anything."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return _asker(request).is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Superusers."""
        return _asker(request).is_superuser

    def response_action(self, request: HttpRequest, *given: Any, **named: Any) -> Any:
        """Django's, which deletes what is ticked; somebody may be put into such a group meanwhile."""
        return in_turn(request, lambda: super(GroupAdmin, self).response_action(request, *given, **named))

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        """Django's, which would make a group again that somebody deletes at that moment."""
        if change and not Group.objects.select_for_update().filter(pk=obj.pk).exists():
            raise IntegrityError("the group is gone")
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Django's, unless somebody has deleted it already: then it was not this one."""
        _delete([obj.pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        """The same of many."""
        _delete([group.pk for group in queryset])

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        """Permissions that there are."""
        return super().formfield_for_manytomany(db_field, request, form_class=ChoicesForm, **kwargs)

    has_add_permission = has_module_permission
    has_change_permission = has_delete_permission = has_view_permission


def _delete(groups: Sequence[int]) -> None:
    _, deleted = Group.objects.filter(pk__in=groups).delete()
    if deleted.get(Group._meta.label, 0) < len(groups):
        raise IntegrityError("groups are gone")


def _asker(request: HttpRequest) -> User:
    return cast(User, request.user)
