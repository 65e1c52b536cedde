"""Users in the back office, validated by ``users/validators.py``; groups and keys are in ``users/back_office``."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from crm_project.events import event
from users import handover, permissions, second_factor
from users.back_office import audited, confirmation
from users.back_office.api_keys import ApiKeyAdmin
from users.back_office.approval import Approval, RegistrationFilter
from users.back_office.forms import ChoicesForm, NewUserForm, UserForm
from users.back_office.groups import GroupAdmin
from users.back_office.leaving import Leaving
from users.back_office.lists import ListPage
from users.back_office.password_links import link_page
from users.models import ApiKey, LoginFailure, User

DEACTIVATED = "crm.deactivated"  # in ``request.META``: the form has deactivated the user
ACCESS = {"Active": "success", "Locked": "danger", "Deactivated": "warning", "Waiting for approval": "info"}


@admin.register(User)
class UserAdmin(Approval, Leaving, audited.AuditedUsers, ListPage, DjangoUserAdmin, ModelAdmin):
    """Agents and staff. They are never deleted, because their names belong to what they did.

    Users can neither change users with more permissions than their own, nor grant more (``permissions``).
    """

    form = UserForm
    add_form = NewUserForm
    add_form_template = "users/new_user.html"
    list_display = ("username", "full_name", "email", "roles", "access", "last_back_office_login")
    list_filter = (RegistrationFilter, "is_active", "is_staff", "groups")
    search_fields = ("username_key", "email_key", "first_name", "last_name")
    search_help_text = "Search user name, email or name"
    ordering = ("username_key",)
    sortable_by = ("username", "last_back_office_login")
    readonly_fields = ("password_page", "second_factor_page", "last_login", "created_at")
    filter_horizontal = ()
    list_per_page = 50
    actions = ("approve", "deactivate", "reactivate", "unlock")
    list_before_template = "users/locked_addresses.html"
    add_fieldsets = ((None, {"fields": ("username", "email", "first_name", "last_name")}),)

    @display(description="Name")
    def full_name(self, user: User) -> str:
        """Return first and last name."""
        return f"{user.first_name} {user.last_name}".strip()

    @display(description="Last login here", ordering="last_login")
    def last_back_office_login(self, user: User) -> datetime | None:
        """Return the last login to the back office; logins to the API are not stored."""
        return user.last_login

    @display(description="Password")
    def password_page(self, user: User) -> str:
        """Return a link to the page that sets a new password."""
        return mark_safe('<a class="text-link" href="../password/">Set a new password …</a>')

    @display(description="Second factor")
    def second_factor_page(self, user: User) -> str:
        """Return whether it is on, with a link to the page that resets it."""
        on = format_html('On · <a class="text-link" href="{}">Reset</a>', "../second-factor/")
        return on if second_factor.app_of(user) else "Off"

    @display(description="Role", label=True)
    def roles(self, user: User) -> list[str] | str:
        """Return the user's groups."""
        groups = [group.name for group in user.groups.all()]
        return ["Superuser"] if user.is_superuser else groups or "Agent"

    @display(description="Access", label=ACCESS)
    def access(self, user: User) -> str:
        """Return whether the user can log in now."""
        if user.is_waiting:
            return "Waiting for approval"
        if not user.is_active:
            return "Deactivated"
        return "Locked" if getattr(user, "is_locked", False) else "Active"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return all users with their groups."""
        return cast("QuerySet[User]", super().get_queryset(request).prefetch_related("groups"))

    def get_urls(self) -> Any:
        """Return Django's URLs, and the one that unlocks an IP address."""
        unlock = self.admin_site.admin_view(self.unlock_address_view)
        return [path("unlock-address/", unlock, name="users_user_unlock_address"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Create a user; show the link with which they choose a password."""
        response = super().add_view(request, form_url, extra_context)
        user: User | None = getattr(response, "created_user", None)
        return link_page(request, _user(request), user) if user else response

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> HttpResponse:
        """Report the new user. The link is mailed after the transaction, because the mail server may be slow."""
        messages.success(request, f"User {obj} added.")
        response: Any = redirect("admin:users_user_change", obj.pk)
        response.created_user = obj
        return response

    def response_change(self, request: HttpRequest, obj: User) -> HttpResponse:
        """Ask who takes over from a user who was deactivated just now."""
        response = super().response_change(request, obj)
        if request.META.pop(DEACTIVATED, False) and handover.count(obj.pk):
            return redirect("admin:users_user_hand_over", obj.pk)
        return response

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Create a set-password link; redirect users who change their own password to its page."""
        user = self.get_object(request, unquote(id))
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if user is None:
            raise Http404
        if user.pk == request.user.pk:
            return redirect("admin:password_change")
        return link_page(request, _user(request), user)

    def unlock_address_view(self, request: HttpRequest) -> HttpResponse:
        """Ask, then unlock an IP address from which too many logins failed."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        address = request.POST.get("address", "")
        is_locked = address in LoginFailure.objects.locked_addresses()
        if is_locked and not confirmation.is_confirmed(request):
            back = reverse("admin:users_user_changelist")
            site = {**self.admin_site.each_context(request), "opts": self.opts, "back": back}
            question = confirmation.UNLOCK_ADDRESS
            return confirmation.ask(request, question, site, [address], "IP address", address=address)
        if is_locked and audited.unlock_address(request, address):
            event("address_unlocked", address=address)
            messages.success(request, f"IP address {address} unlocked.")
        elif request.method == "POST":
            messages.info(request, "That IP address is not locked.")
        return redirect("admin:users_user_changelist")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list; for users who may change it, with the locked IP addresses and waiting registrations."""
        notices: dict[str, Any] = {}
        if self.has_change_permission(request):
            notices["locked_addresses"] = LoginFailure.objects.locked_addresses()
            notices["waiting_accounts"] = User.objects.waiting().count()
        return super().changelist_view(request, {**notices, **(extra_context or {})})

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, with locked users marked."""
        page = super().get_changelist_instance(request)
        locked = {user.pk for user in LoginFailure.objects.locked_users()}
        for user in page.result_list:
            user.is_locked = user.pk in locked
        return page

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return whether the user may change users, and this one."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or permissions.may_change(_user(request), obj))

    def changeable_user(self, request: HttpRequest, user_id: int) -> User:
        """Return a user, or raise a 404, or a 403 if the current one may not change that user."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Return false: users are deactivated, not deleted."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the sections of the form."""
        if obj is None:
            return self.add_fieldsets
        access: tuple[str, ...] = ("is_active", "is_staff", "must_change_password", "groups")
        if _user(request).is_superuser:
            access = ("is_active", "is_staff", "is_superuser", "second_factor_page", "must_change_password")
            access += ("groups", "user_permissions")
        own = ("username", "password_page") if self.has_change_permission(request, obj) else ("username",)
        return (
            (None, {"fields": own}),
            ("Person", {"fields": ("first_name", "last_name", "email", "wants_reminders")}),
            ("Access", {"fields": access}),
            ("Dates", {"fields": ("last_login", "created_at")}),
        )

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, with the user who edits."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.current_user = _user(request)
        return form

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the groups; warn if the user is in a group but cannot log in."""
        super().save_related(request, form, formsets, change)
        user = form.instance
        request.META[DEACTIVATED] = "is_active" in form.changed_data and not user.is_active
        if not user.is_staff and user.groups.exists():
            warning = f"{user} is in a group but cannot log in here. Select “Can log in to the back office” as well."
            messages.warning(request, warning)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field alone: the keyboard cannot reach the theme's menu for groups, which have their own pages."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(widget := getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            field.widget = widget.widget
        return field

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field; groups are limited to those that the user may grant."""
        kwargs["form_class"] = ChoicesForm
        if db_field.name == "groups":
            kwargs["queryset"] = permissions.grantable_groups(_user(request))
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.action(description="Deactivate", permissions=["change"])
    @confirmation.confirmed(confirmation.DEACTIVATE)
    def deactivate(self, request: HttpRequest, users: QuerySet[User]) -> HttpResponse | None:
        """Deactivate users, which ends their tokens and sessions; ask who takes over what they have."""
        others = [user for user in self._changeable(request, users) if user.pk != request.user.pk]
        others = [user for user in others if user.is_active or user.is_waiting]
        for user in others:
            if user.is_waiting:
                User.objects.decline(user, _user(request))
            else:
                audited.set_active(request, user, False)
        self._report(request, "deactivated", others)
        asked = [user for user in others if self.ask_for_successor(request, user)]
        return redirect("admin:users_user_hand_over", asked[0].pk) if len(asked) == len(others) == 1 else None

    @admin.action(description="Reactivate", permissions=["change"])
    @confirmation.confirmed(confirmation.REACTIVATE)
    def reactivate(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Reactivate deactivated users, except accounts that wait for approval."""
        others = [user for user in self._changeable(request, users) if not user.is_active and not user.is_waiting]
        for user in others:
            audited.set_active(request, user, True)
        self._report(request, "reactivated", others)

    @admin.action(description="Unlock after failed logins", permissions=["change"])
    @confirmation.confirmed(confirmation.UNLOCK)
    def unlock(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Delete the failed logins that lock users."""
        locked = [user for user in self._changeable(request, users) if audited.unlock(request, user)]
        self._report(request, "unlocked", locked)

    def _changeable(self, request: HttpRequest, users: Iterable[User]) -> list[User]:
        return [user for user in users if permissions.may_change(_user(request), user)]

    def _report(self, request: HttpRequest, done: str, users: list[User]) -> None:
        event(f"users_{done}", users=len(users))
        level = messages.SUCCESS if users else messages.WARNING
        self.message_user(request, f"{len(users)} user{'s' * (len(users) != 1)} {done}.", level)


admin.site.unregister(Group)
for device in (StaticDevice, TOTPDevice):  # django-otp's pages show secrets; back_office/second_factor.py has ours
    admin.site.unregister(device)
admin.site.register(Group, GroupAdmin)
admin.site.register(ApiKey, ApiKeyAdmin)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
