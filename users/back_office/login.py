"""Django's pages that check a password, with the API's limits on failed logins."""

from copy import copy
from typing import Any

from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from crm_project.http.client_address import client_address
from users.back_office import second_factor_login
from users.back_office.login_form import AWAITING_APPROVAL
from users.back_office.small_forms import small_form
from users.back_office.throttled import too_many_requests, wait_message
from users.throttle import LoginAttempt, Throttled
from users.validators import MAX_NAME

PAGE = '<!doctype html><html lang="en"><title>Too many failed attempts</title><p>{}</p></html>'


@small_form
def login(request: HttpRequest) -> HttpResponseBase:
    """``/admin/login/``: replies 429 if the user name or the IP address failed too often.

    A right password of a user without access counts as a failure too, so that the reply does not reveal it.
    """
    username = request.POST.get("username", "").strip()
    if not username or not request.POST.get("password"):  # no password to check
        return admin.site.login(request)
    try:
        attempt = LoginAttempt(username, client_address(request))
    except Throttled as limit:
        return too_many_requests(_login_error(request, wait_message(limit.wait)), limit.wait)
    if len(username) > MAX_NAME:  # Django's form would search for it and hash the password
        response = _login_error(request, _invalid_login())
    else:
        try:
            response = admin.site.login(request)
        except second_factor_login.CodeNeeded as needed:  # failures are deleted after the code, not now
            return second_factor_login.begin(request, needed.user)
    attempt.record(response.status_code == 302 or _is_waiting(response))
    return response


def change_password(request: HttpRequest) -> HttpResponseBase:
    """``/admin/password_change/``: the limits of the login also apply to the old password."""
    page = admin.site.admin_view(admin.site.password_change, cacheable=True)
    if not admin.site.has_permission(request) or not request.POST.get("old_password"):  # no password to check
        return page(request)
    try:
        attempt = LoginAttempt(request.user.get_username(), client_address(request))
    except Throttled as limit:
        return too_many_requests(HttpResponse(PAGE.format(wait_message(limit.wait))), limit.wait)
    response = page(request)
    attempt.record("old_password" not in _errors(response))
    return response


def _is_waiting(response: HttpResponseBase) -> bool:
    """Return whether the password was right and the account waits for approval."""
    context = response.context_data if isinstance(response, TemplateResponse) else None
    return bool(context and "form" in context and context["form"].has_error(NON_FIELD_ERRORS, AWAITING_APPROVAL))


def _errors(response: HttpResponseBase) -> Any:
    """Return the errors of the form of a page."""
    context = response.context_data if isinstance(response, TemplateResponse) else None
    return context["form"].errors if context and "form" in context else {}


def _login_error(request: HttpRequest, message: str) -> HttpResponseBase:
    """Return the login page with an error, without checking a password."""
    site: Any = copy(admin.site)
    form: Any = admin.site.login_form or AdminAuthenticationForm

    class RejectedForm(form):
        def clean(self) -> None:
            raise ValidationError(message, code="too_many_attempts")

    site.login_form = RejectedForm
    response: HttpResponseBase = site.login(request)
    return response


def _invalid_login() -> str:
    """Return the message for a wrong user name or password."""
    return AdminAuthenticationForm.error_messages["invalid_login"] % {"username": "username"}
