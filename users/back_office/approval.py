"""Accounts that wait for approval: filter and action of the list, and the buttons on the page of a user."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from crm_project.events import event
from users import managers, permissions
from users.back_office import confirmation
from users.models import User

WAITING = "waiting"
QUESTIONS = {"approve": confirmation.APPROVE, "decline": confirmation.DECLINE}
OPENED_WAITING = "opened_waiting"  # a hidden field: the account was waiting when the page was opened


class RegistrationFilter(admin.SimpleListFilter):
    """The accounts that wait for approval."""

    title = "registration"
    parameter_name = "registration"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the only choice beside all."""
        return [(WAITING, "Waiting for approval")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User] | None:
        """Return the users of the choice."""
        return queryset.filter(managers.AWAITING_APPROVAL) if self.value() == WAITING else None


class Approval:
    """The part of ``UserAdmin`` that approves and declines accounts; a base class before ``ModelAdmin``."""

    change_form_outer_before_template = "users/approval.html"
    change_form_before_template = "users/opened_waiting.html"

    def get_urls(self) -> Any:
        """Return Django's URLs, and the one of the buttons."""
        view = self.admin_site.admin_view(self.approval_view)  # type: ignore[attr-defined]
        return [path("<int:user_id>/approval/", view, name="users_user_approval"), *super().get_urls()]  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Return the read-only fields; ``is_active`` is one as long as the account waits.

        The page of such an account has no check box for it. If it is sent after someone else has approved the account,
        the missing check box must not deactivate the account.
        """
        fields = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        read_only = obj and (obj.is_waiting or OPENED_WAITING in request.POST)
        return (*fields, "is_active") if read_only else fields

    def approval_view(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Approve or decline an account, and redirect to its page."""
        user: User = self.changeable_user(request, user_id)  # type: ignore[attr-defined]
        decision = request.POST.get("decision", "")
        if decision in QUESTIONS and user.is_waiting and not confirmation.is_confirmed(request):
            return self._ask(request, user, decision)
        if decision == "approve":
            self._report_approved(request, [user] if User.objects.approve(user, cast(User, request.user)) else [])
        elif decision == "decline":
            self._report_declined(request, user, User.objects.decline(user, cast(User, request.user)))
        return redirect("admin:users_user_change", user.pk)

    def _ask(self, request: HttpRequest, user: User, decision: str) -> HttpResponse:
        """Ask before the account is approved or declined."""
        site = {**self.admin_site.each_context(request), "opts": self.opts}  # type: ignore[attr-defined]
        site["back"] = reverse("admin:users_user_change", args=[user.pk])
        return confirmation.ask(request, QUESTIONS[decision], site, [user], "account", decision=decision)

    @admin.action(description="Approve registration", permissions=["change"])
    @confirmation.confirmed(confirmation.APPROVE)
    def approve(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Activate accounts that wait for approval; others stay unchanged."""
        actor = cast(User, request.user)
        changeable = [user for user in users if permissions.may_change(actor, user)]
        self._report_approved(request, [user for user in changeable if User.objects.approve(user, actor)])

    def _report_approved(self, request: HttpRequest, users: list[User]) -> None:
        event("users_approved", users=len(users))
        if users:
            messages.success(request, f"{len(users)} account{'s' * (len(users) != 1)} approved.")
        else:
            messages.warning(request, "Not approved: the account is not waiting for approval.")

    def _report_declined(self, request: HttpRequest, user: User, declined: bool) -> None:
        event("users_declined", users=int(declined))
        if declined:
            messages.success(request, f"Account {user} declined and deactivated.")
        else:
            messages.warning(request, "Not declined: the account is not waiting for approval.")
