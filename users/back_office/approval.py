"""Accounts that wait for approval: the list's filter and action, and the buttons on the page of one."""

from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from crm_project.events import event
from users import managers, permissions
from users.models import User

WAITING = "waiting"
SHOWN_WAITING = "shown_waiting"  # a hidden field of the page of an account that waits


class RegistrationFilter(admin.SimpleListFilter):
    """The accounts that wait for approval."""

    title = "registration"
    parameter_name = "registration"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The one choice beside all."""
        return [(WAITING, "Waiting for approval")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User] | None:
        """The users of that choice."""
        return queryset.filter(managers.AWAITING_APPROVAL) if self.value() == WAITING else None


class Approval:
    """The part of the users' admin that approves and declines accounts, to be named before ``ModelAdmin``."""

    change_form_outer_before_template = "users/approval.html"
    change_form_before_template = "users/shown_waiting.html"

    def get_urls(self) -> Any:
        """Django's, and where the page's buttons lead."""
        view = self.admin_site.admin_view(self.approval_view)  # type: ignore[attr-defined]
        return [path("<int:user_id>/approval/", view, name="users_user_approval"), *super().get_urls()]  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Django's; whether an account is active is decided by the buttons alone as long as it waits.

        The page of such an account has no check box for it. Sent after somebody has approved the account meanwhile, it
        must not be taken for one whose box was cleared.
        """
        fields = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        decided = obj and (obj.is_waiting or SHOWN_WAITING in request.POST)
        return (*fields, "is_active") if decided else fields

    def approval_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Approve or decline one account; a GET leads to its page."""
        if not self.has_change_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        user = User.objects.filter(pk=user_id).first()
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):  # type: ignore[attr-defined]
            raise PermissionDenied
        decision = request.POST.get("decision", "")
        if decision == "approve":
            self._say_approved(request, [user] if User.objects.approve(user, cast(User, request.user)) else [])
        elif decision == "decline":
            self._say_declined(request, user, User.objects.decline(user, cast(User, request.user)))
        return redirect("admin:users_user_change", user.pk)

    @admin.action(description="Approve registration", permissions=["change"])
    def approve(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Activate accounts that wait for approval; deactivated ones stay so."""
        actor = cast(User, request.user)
        reached = [user for user in users if permissions.may_change(actor, user)]
        self._say_approved(request, [user for user in reached if User.objects.approve(user, actor)])

    def _say_approved(self, request: HttpRequest, users: list[User]) -> None:
        event("users_approved", users=len(users))
        if users:
            messages.success(request, f"{len(users)} account{'s' * (len(users) != 1)} approved.")
        else:
            messages.warning(request, "No account was approved: none is waiting for approval any more.")

    def _say_declined(self, request: HttpRequest, user: User, declined: bool) -> None:
        event("users_declined", users=int(declined))
        if declined:
            messages.success(request, f"The account {user} was declined. It is deactivated.")
        else:
            messages.warning(request, "The account is not waiting for approval any more.")
