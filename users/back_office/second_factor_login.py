"""The second step of the login: a code of the authenticator app, or a recovery code, with the limits of the login.

Between the steps, an anonymous session stores which user's password was right.
"""

import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.plugins.otp_static.models import StaticDevice
from unfold.widgets import UnfoldAdminTextInputWidget

from crm_project.events import event
from crm_project.http.client_address import client_address
from users import second_factor
from users.audit import Action
from users.back_office import passwords
from users.back_office.second_factor_session import NEXT, State, log, log_in, next_page, state
from users.back_office.small_forms import small_form
from users.back_office.throttled import too_many_requests, wait_message
from users.models import User
from users.throttle import LoginAttempt, Throttled

PENDING = "second_factor_pending"
MAX_PAUSE = 600  # seconds between the password and the code
WRONG_CODE = "Wrong or already used code. Wait for the next one and try again."


class CodeNeeded(Exception):
    """The password was right, and the user has a second factor."""

    def __init__(self, user: User) -> None:
        super().__init__(user.pk)
        self.user = user


class LoginForm(passwords.LoginForm):
    """The login form, which stops before users with a second factor are logged in."""

    def confirm_login_allowed(self, user: User) -> None:
        """Raise ``CodeNeeded`` for users with a second factor."""
        super().confirm_login_allowed(user)
        if second_factor.app_of(user):
            raise CodeNeeded(user)


class CodeForm(forms.Form):
    """A code of the app, or a recovery code."""

    code = forms.CharField(
        max_length=second_factor.MAX_CODE,
        widget=UnfoldAdminTextInputWidget(
            {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
        ),
    )

    def __init__(self, *args: Any, recovery: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Recovery code" if recovery else "Code"
        if not recovery:
            self.fields["code"].widget.attrs["inputmode"] = "numeric"


def begin(request: HttpRequest, user: User) -> HttpResponseBase:
    """Store in a new, anonymous session that the password of ``user`` was right, and ask for the code."""
    request.session.flush()
    request.session[PENDING] = {"user": user.pk, "hash": user.get_session_auth_hash(), "at": int(time.time())}
    return HttpResponseRedirect(f"{reverse('admin:login_code')}?{urlencode({NEXT: next_page(request)})}")


@sensitive_post_parameters()
@never_cache
@small_form
def code_page(request: HttpRequest) -> HttpResponseBase:
    """``/admin/login/code/``: the second step, also for sessions older than the second factor."""
    user = _candidate(request)
    if user is None:
        return redirect(f"{reverse('admin:login')}?{urlencode({NEXT: next_page(request)})}")
    recovery = "recovery" in request.GET
    if request.method != "POST":
        return _page(request, CodeForm(recovery=recovery))
    form = CodeForm(request.POST, recovery=recovery)
    if not form.is_valid():
        return _page(request, form)
    return _check(request, user, form)


def _check(request: HttpRequest, user: User, form: CodeForm) -> HttpResponseBase:
    code = form.cleaned_data["code"]
    try:
        attempt = LoginAttempt(user.get_username(), client_address(request))
        if wait := second_factor.wait(user, code):
            raise Throttled(wait)
    except Throttled as limit:
        form.add_error("code", wait_message(limit.wait))
        return too_many_requests(_page(request, form), limit.wait)
    device = second_factor.verify(user, code)
    attempt.record(device is not None)
    if device is None:
        event("second_factor_failed", target_id=user.pk)
        form.add_error("code", WRONG_CODE)
        return _page(request, form)
    log_in(request, user, device)
    request.session.pop(PENDING, None)
    if isinstance(device, StaticDevice):
        _recovery_code_used(request, user)
    return HttpResponseRedirect(next_page(request))


def _recovery_code_used(request: HttpRequest, user: User) -> None:
    left = second_factor.recovery_codes_left(user)
    log(request, Action.RECOVERY_CODE_USED, user, left)
    warning = f"You logged in with a recovery code; {left} left."
    messages.warning(request, f"{warning} Create new ones or set up another app on the page “Second factor”.")


def _candidate(request: HttpRequest) -> User | None:
    """Return the user who must enter a code: after the password, or with an unverified session."""
    pending = request.session.get(PENDING)
    if pending and time.time() - pending["at"] <= MAX_PAUSE:
        user = User.objects.filter(pk=pending["user"], is_active=True, is_staff=True).first()
        if user and constant_time_compare(pending["hash"], user.get_session_auth_hash()):
            return user if second_factor.app_of(user) else None
    own = request.user
    if own.is_active and own.is_staff and state(request) is State.CODE:
        return User.objects.get(pk=own.pk)
    return None


def _page(request: HttpRequest, form: CodeForm) -> TemplateResponse:
    recovery = "recovery" in request.GET
    after = urlencode({NEXT: next_page(request)})
    other = after if recovery else f"recovery=1&{after}"
    context = {"title": "Second factor", "form": form, "recovery": recovery, "other": other, "login_next": after}
    return TemplateResponse(request, "users/second_factor/code.html", {**admin.site.each_context(request), **context})
