"""The pages on which users set up their second factor, and superusers reset that of others."""

from typing import Any, cast
from urllib.parse import quote

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget

from crm_project.http.client_address import client_address
from crm_project.validation import MAX_BIGINT
from users import second_factor
from users.audit import Action
from users.back_office.passwords import redirect_to_password_change
from users.back_office.reauthentication import RECENT
from users.back_office.second_factor_login import CodeForm, code_page
from users.back_office.second_factor_session import (
    State,
    is_required,
    log,
    mark_verified,
    next_page,
    required_step,
    state,
    unmark_verified,
)
from users.back_office.throttled import too_many_requests, wait_message
from users.models import User
from users.sessions import password_age
from users.throttle import LoginAttempt, Throttled

SECRET = "second_factor_secret"  # noqa: S105  in a session: the secret of an app that is not confirmed yet
HERE = "admin:second_factor"
WITH_MENU, WITHOUT_MENU = "admin/base_site.html", "unfold/layouts/unauthenticated.html"
NEWLINE = "\r\n"  # of the downloaded file, which may be opened anywhere
WRONG_CODE = "Wrong code. Scan the QR code again, check the clock of your phone, and enter the newest code."


class PasswordForm(forms.Form):
    """Asks for the user's own password, with the limits of the login."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "current-password"}),
    )
    wait = 0  # seconds until the next try, after too many

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        """Return the password if it is correct."""
        password: str = self.cleaned_data["password"]
        name = self.request.user.get_username()
        try:
            attempt = LoginAttempt(name, client_address(self.request))
        except Throttled as limit:
            self.wait = limit.wait
            raise ValidationError(wait_message(limit.wait), code="too_many_attempts") from None
        correct = User.objects.authenticate(name, password) is not None
        attempt.record(correct)
        if not correct:
            raise ValidationError("Wrong password.", code="wrong_password")
        return password


class SetUpForm(PasswordForm, CodeForm):
    """A first code of the new app, and the password unless it was entered recently."""

    def __init__(self, request: HttpRequest, *args: Any, forced: bool, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["code"].label = "Code from the app"
        del self.fields["code"].widget.attrs["autofocus"]  # the QR code above it comes first
        if forced and password_age(request.session) <= RECENT:
            del self.fields["password"]


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the pages of the second factor, to come before the admin site's own."""
    return [
        path("login/code/", code_page, name="login_code"),
        path("second-factor/", site.admin_view(overview), name="second_factor"),
        path("second-factor/set-up/", set_up, name="second_factor_set_up"),
        path("second-factor/recovery-codes/", site.admin_view(recovery_codes), name="second_factor_recovery_codes"),
        path("second-factor/turn-off/", site.admin_view(turn_off), name="second_factor_turn_off"),
        path("users/user/<int:user_id>/second-factor/", site.admin_view(reset), name="users_user_second_factor"),
    ]


def overview(request: HttpRequest) -> HttpResponseBase:
    """``/admin/second-factor/``: the state of the user's second factor."""
    user = _user(request)
    app = second_factor.app_of(user)
    left = second_factor.recovery_codes_left(user)
    return _page(request, "overview", app=app, left=left, required=is_required(user))


@sensitive_post_parameters()
@never_cache
def set_up(request: HttpRequest) -> HttpResponseBase:
    """``/admin/second-factor/set-up/``: show the secret, and enable the app when a code of it is entered.

    It has its own permission checks, because users who must set up a second factor can open no other page.
    """
    if not (request.user.is_active and request.user.is_staff):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    if state(request) in (State.CODE, State.ENDED):
        return required_step(request) or redirect(HERE)
    user, forced = _user(request), state(request) is State.SET_UP
    if not forced and (redirection := redirect_to_password_change(request)):
        return redirection
    secret = request.session.setdefault(SECRET, second_factor.new_secret())
    form = SetUpForm(request, request.POST or None, forced=forced)
    if form.is_valid():
        with transaction.atomic():
            codes = second_factor.enable(user, secret, form.cleaned_data["code"])
            if codes:
                log(request, Action.SECOND_FACTOR_ENABLED, user)
        if codes:
            return _enabled(request, user, codes, forced)
        form.add_error("code", WRONG_CODE)
    page = {
        "form": form,
        "qr_code": mark_safe(second_factor.qr_code(user, secret)),  # noqa: S308  made by segno
        "secret": second_factor.readable_secret(secret),
        "replaces": second_factor.app_of(user) is not None,
    }
    return _reply(_page(request, "set_up", forced=forced, **page), form)


def _enabled(request: HttpRequest, user: User, codes: list[str], forced: bool) -> HttpResponseBase:
    del request.session[SECRET]
    app = second_factor.app_of(user)
    assert app
    mark_verified(request, app)
    return _show_codes(request, codes, forced=forced, after=next_page(request) if forced else "")


def _show_codes(request: HttpRequest, codes: list[str], **context: Any) -> HttpResponseBase:
    lines = [f"Recovery codes of {request.user} for {admin.site.site_header}", "", *codes, ""]
    download = f"data:text/plain;charset=utf-8,{quote(NEWLINE.join(lines))}"
    return _page(request, "recovery_codes", codes=codes, download=download, **context)


@sensitive_post_parameters()
def recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """``/admin/second-factor/recovery-codes/``: create recovery codes and show them once."""
    user = _user(request)
    if not second_factor.app_of(user):
        return redirect(HERE)
    form = PasswordForm(request, request.POST or None)
    if not form.is_valid():
        return _reply(_page(request, "confirm_recovery_codes", form=form), form)
    with transaction.atomic():
        codes = second_factor.new_recovery_codes(user)
        log(request, Action.RECOVERY_CODES_MADE, user)
    return _show_codes(request, codes)


@sensitive_post_parameters()
def turn_off(request: HttpRequest) -> HttpResponseBase:
    """``/admin/second-factor/turn-off/``: remove the user's second factor, if it is not required."""
    user = _user(request)
    if is_required(user):
        messages.error(request, "Your account requires a second factor. You can set up another app instead.")
        return redirect(HERE)
    if not second_factor.app_of(user):
        return redirect(HERE)
    form = PasswordForm(request, request.POST or None)
    if not form.is_valid():
        return _reply(_page(request, "turn_off", form=form), form)
    with transaction.atomic():
        second_factor.remove(user)
        log(request, Action.SECOND_FACTOR_DISABLED, user)
    unmark_verified(request)
    messages.success(request, "Second factor turned off. You log in with your password only.")
    return redirect(HERE)


def reset(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """``/admin/users/user/7/second-factor/``: superusers remove the second factor of users who lost their phone.

    Managers cannot: with a password link, which they can create for users with equal rights, they could log in as them.
    """
    if not request.user.is_superuser:
        raise PermissionDenied
    user = User.objects.filter(pk=user_id).first() if user_id <= MAX_BIGINT else None
    if user is None:
        raise Http404
    if user.pk == request.user.pk:
        return redirect(HERE)
    if request.method == "POST":
        with transaction.atomic():
            if second_factor.remove(user):
                log(request, Action.SECOND_FACTOR_RESET, user)
        messages.success(request, f"Second factor of {user} removed.")
        return redirect("admin:users_user_change", user.pk)
    return _page(request, "reset", person=user, app=second_factor.app_of(user), required=is_required(user))


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """Return the links of the user menu."""
    if not request.user.is_authenticated:
        return []
    links = [
        {"title": "Reminders and calendar", "link": reverse("admin:reminders")},
        {"title": "Your sessions", "link": reverse("admin:own_sessions")},
        {"title": "Second factor", "link": reverse(HERE)},
    ]
    if request.user.has_usable_password():
        links.append({"title": "Change password", "link": reverse("admin:password_change")})
    return links


def _page(request: HttpRequest, name: str, forced: bool = False, **context: Any) -> TemplateResponse:
    layout = WITHOUT_MENU if forced else WITH_MENU
    page = {"title": "Second factor", "layout": layout, "forced": forced, **context}
    return TemplateResponse(request, f"users/second_factor/{name}.html", {**admin.site.each_context(request), **page})


def _reply(page: TemplateResponse, form: PasswordForm) -> HttpResponseBase:
    return too_many_requests(page, form.wait) if form.wait else page


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
