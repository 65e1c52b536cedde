"""The pages of the back office that check a password, under the API's limits; otherwise they are the admin site's."""

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
from users.throttle import LoginAttempt, Throttled
from users.validators import MAX_NAME

PAGE = '<!doctype html><html lang="en"><title>Too many failed attempts</title><p>{}</p></html>'


@small_form
def login(request: HttpRequest) -> HttpResponseBase:
    """``/admin/login/``: a 429 where the name or the address has failed too often.

    Whatever the page refuses counts, the right password of somebody who is no staff too: it must not tell them apart.
    """
    username = request.POST.get("username", "").strip()
    if not username or not request.POST.get("password"):  # asks for no password to be checked
        return admin.site.login(request)
    try:
        attempt = LoginAttempt(username, client_address(request))
    except Throttled as limit:
        return _late(_refusing(request, _sentence(limit.wait)), limit.wait)
    if len(username) > MAX_NAME:  # Django's form would look for it, and hash the password
        response = _refusing(request, _wrong())
    else:
        try:
            response = admin.site.login(request)
        except second_factor_login.CodeNeeded as needed:  # failures are forgotten after the code, not now
            return second_factor_login.begin(request, needed.user)
    attempt.record(response.status_code == 302 or _is_waiting(response))
    return response


def change_password(request: HttpRequest) -> HttpResponseBase:
    """``/admin/password_change/``: whoever sits at somebody else's session has no more tries than at the log-in."""
    page = admin.site.admin_view(admin.site.password_change, cacheable=True)
    if not admin.site.has_permission(request) or not request.POST.get("old_password"):  # checks no password
        return page(request)
    try:
        attempt = LoginAttempt(request.user.get_username(), client_address(request))
    except Throttled as limit:
        return _late(HttpResponse(PAGE.format(_sentence(limit.wait))), limit.wait)
    response = page(request)
    attempt.record("old_password" not in _errors(response))
    return response


def _is_waiting(response: HttpResponseBase) -> bool:
    """Whether the password was right, and the page says that the account waits for approval."""
    context = response.context_data if isinstance(response, TemplateResponse) else None
    return bool(context and "form" in context and context["form"].has_error(NON_FIELD_ERRORS, AWAITING_APPROVAL))


def _errors(response: HttpResponseBase) -> Any:
    """The problems of the form that a page shows again."""
    context = response.context_data if isinstance(response, TemplateResponse) else None
    return context["form"].errors if context and "form" in context else {}


def _refusing(request: HttpRequest, sentence: str) -> HttpResponseBase:
    """The log-in page, with a sentence in place of a check."""
    site: Any = copy(admin.site)
    form: Any = admin.site.login_form or AdminAuthenticationForm

    class Refusal(form):
        def clean(self) -> None:
            raise ValidationError(sentence, code="too_many_attempts")

    site.login_form = Refusal
    response: HttpResponseBase = site.login(request)
    return response


def _wrong() -> str:
    """What the page says of a wrong name or password."""
    return AdminAuthenticationForm.error_messages["invalid_login"] % {"username": "username"}


def _sentence(wait: int) -> str:
    minutes = -(-wait // 60)
    return f"Too many failed attempts. Try again in {minutes} minute{'s' * (minutes > 1)}."


def _late(response: HttpResponseBase, wait: int) -> HttpResponseBase:
    response.status_code = 429
    response["Retry-After"] = str(wait)
    return response
