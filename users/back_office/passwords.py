"""The user's own password: checked at the login, and changed on its own page."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm

from crm_project.events import event
from users.audit import Action, Channel, log_account_event
from users.back_office.login_form import CredentialsForm
from users.models import User
from users.password_policy import is_weak

# The pages that users who must choose a new password can open.
ALLOWED = ("admin:password_change", "admin:logout", "admin:jsi18n")


class LoginForm(CredentialsForm):
    """The login form. It finds weak passwords, which must then be changed: only the login has the plain password.

    Weak passwords are set through the API, whose contract allows them.
    """

    def confirm_login_allowed(self, user: User) -> None:
        """Reject users without access; require a new password if the back office's validators reject it."""
        super().confirm_login_allowed(user)
        if not user.must_change_password and is_weak(self.cleaned_data["password"], user):
            with transaction.atomic():
                user.must_change_password = True
                user.save(update_fields=["must_change_password"])
                log_account_event(
                    Action.CHANGED,
                    actor=user,
                    target=user,
                    channel=Channel.ADMIN,
                    before={"must_change_password": False},
                    after={"must_change_password": True},
                )


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """The form that changes one's own password."""

    def clean(self) -> dict[str, Any]:
        """Reject the current password as the new one."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        old, new = cleaned.get("old_password"), cleaned.get("new_password1")
        if old and old == new:
            self.add_error("new_password1", ValidationError("Choose a password other than the current one."))
        return cleaned


class OwnPasswordView(PasswordChangeView):
    """``/admin/password_change/``: change the user's own password."""

    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        """Change the password, which ends all other sessions and all tokens."""
        user = cast(User, form.user)
        with transaction.atomic():
            response = super().form_valid(form)
            log_account_event(Action.PASSWORD_SET, actor=user, target=user, channel=Channel.ADMIN)
        event("password_changed")
        return response


def redirect_to_password_change(request: HttpRequest) -> HttpResponse | None:
    """Return a redirect for users who must choose a new password first."""
    user = cast(User, request.user)
    if not user.is_authenticated or not user.must_change_password:
        return None
    if request.path in {reverse(name) for name in ALLOWED}:
        return None
    messages.warning(request, "Choose a new password to continue.")
    return redirect("admin:password_change")
