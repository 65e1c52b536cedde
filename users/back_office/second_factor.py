"""The pages on which people set up their own second factor, and on which superusers reset somebody else's."""

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
from users.back_office.second_factor_login import CodeForm, code_page, late, too_many
from users.back_office.second_factor_session import State, detour, forget, is_required, log, mark, next_page, state
from users.models import User
from users.sessions import password_age
from users.throttle import LoginAttempt, Throttled

SECRET = "second_factor_secret"  # noqa: S105  in a session: the secret of an app that is not confirmed yet
HERE = "admin:second_factor"
IN_FRAME, BY_ITSELF = "admin/base_site.html", "unfold/layouts/unauthenticated.html"
NEWLINE = "\r\n"  # of the downloaded file, which may be opened anywhere
WRONG_CODE = "That code is wrong. Scan the QR code once more, check the clock of the phone, and type the newest code."


class PasswordForm(forms.Form):
    """Confirms with the user's own password, under the limits of the login."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "current-password"}),
    )
    wait = 0  # seconds until another try, where there were too many

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        """Return the password if it is the user's."""
        password: str = self.cleaned_data["password"]
        name = self.request.user.get_username()
        try:
            attempt = LoginAttempt(name, client_address(self.request))
        except Throttled as limit:
            self.wait = limit.wait
            raise ValidationError(too_many(limit.wait), code="too_many_attempts") from None
        right = User.objects.authenticate(name, password) is not None
        attempt.record(right)
        if not right:
            raise ValidationError("That is not your password.", code="wrong_password")
        return password


class SetUpForm(PasswordForm, CodeForm):
    """A first code of the new app; the password too, except where it must be set up directly after the login."""

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
    """``/admin/second-factor/``: whether one's own is on, and what can be done about it."""
    user = _user(request)
    app = second_factor.app_of(user)
    left = second_factor.recovery_codes_left(user)
    return _page(request, "overview", app=app, left=left, required=is_required(user))


@sensitive_post_parameters()
@never_cache
def set_up(request: HttpRequest) -> HttpResponseBase:
    """Shows the secret, and makes the app the second factor once a code of it was typed.

    The one page that is open to whoever must set up a factor and has not; hence the checks of its own.
    """
    if not (request.user.is_active and request.user.is_staff):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    if state(request) in (State.CODE, State.ENDED):
        return detour(request) or redirect(HERE)
    user, forced = _user(request), state(request) is State.SET_UP
    if not forced and (elsewhere := redirect_to_password_change(request)):
        return elsewhere
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
    shown = {
        "form": form,
        "qr_code": mark_safe(second_factor.qr_code(user, secret)),  # noqa: S308  segno's, of dots alone
        "secret": second_factor.readable_secret(secret),
        "replaces": second_factor.app_of(user) is not None,
    }
    return _reply(_page(request, "set_up", forced=forced, **shown), form)


def _enabled(request: HttpRequest, user: User, codes: list[str], forced: bool) -> HttpResponseBase:
    del request.session[SECRET]
    app = second_factor.app_of(user)
    assert app
    mark(request, app)
    return _show(request, codes, forced=forced, after=next_page(request) if forced else "")


def _show(request: HttpRequest, codes: list[str], **context: Any) -> HttpResponseBase:
    lines = [f"Recovery codes of {request.user} for {admin.site.site_header}", "", *codes, ""]
    download = f"data:text/plain;charset=utf-8,{quote(NEWLINE.join(lines))}"
    return _page(request, "recovery_codes", codes=codes, download=download, **context)


@sensitive_post_parameters()
def recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """Makes new recovery codes, and shows them once."""
    user = _user(request)
    if not second_factor.app_of(user):
        return redirect(HERE)
    form = PasswordForm(request, request.POST or None)
    if not form.is_valid():
        return _reply(_page(request, "confirm_recovery_codes", form=form), form)
    with transaction.atomic():
        codes = second_factor.new_recovery_codes(user)
        log(request, Action.RECOVERY_CODES_MADE, user)
    return _show(request, codes)


@sensitive_post_parameters()
def turn_off(request: HttpRequest) -> HttpResponseBase:
    """Removes one's own second factor, where it is not required."""
    user = _user(request)
    if is_required(user):
        messages.error(request, "Your account needs a second factor. You can set up another app instead.")
        return redirect(HERE)
    if not second_factor.app_of(user):
        return redirect(HERE)
    form = PasswordForm(request, request.POST or None)
    if not form.is_valid():
        return _reply(_page(request, "turn_off", form=form), form)
    with transaction.atomic():
        second_factor.remove(user)
        log(request, Action.SECOND_FACTOR_DISABLED, user)
    forget(request)
    messages.success(request, "The second factor is off. Your password alone logs you in.")
    return redirect(HERE)


def reset(request: HttpRequest, user_id: int) -> HttpResponseBase:
    """``/admin/users/user/7/second-factor/``: superusers remove the factor of somebody who lost their phone.

    Superusers alone: managers may set passwords of others with equal rights, and both together would make them that
    person.
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
        messages.success(request, f"The second factor of {user} was removed.")
        return redirect("admin:users_user_change", user.pk)
    return _page(request, "reset", person=user, app=second_factor.app_of(user), required=is_required(user))


def account_links(request: HttpRequest) -> list[dict[str, str]]:
    """Return the links of the user menu."""
    if not request.user.is_authenticated:
        return []
    links = [
        {"title": "Your sessions", "link": reverse("admin:own_sessions")},
        {"title": "Second factor", "link": reverse(HERE)},
    ]
    if request.user.has_usable_password():
        links.append({"title": "Change password", "link": reverse("admin:password_change")})
    return links


def _page(request: HttpRequest, name: str, forced: bool = False, **context: Any) -> TemplateResponse:
    frame = BY_ITSELF if forced else IN_FRAME
    shown = {"title": "Second factor", "frame": frame, "forced": forced, **context}
    return TemplateResponse(request, f"users/second_factor/{name}.html", {**admin.site.each_context(request), **shown})


def _reply(page: TemplateResponse, form: PasswordForm) -> HttpResponseBase:
    return late(page, form.wait) if form.wait else page


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
