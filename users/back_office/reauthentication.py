"""Pages that ask for the password again: they erase or export personal data, or change users or groups.

A page with a form asks before it shows the form if the password was entered more than ``RECENT`` seconds ago. The form
is then accepted for ``TO_FILL_IN`` seconds longer; later, it is rejected. Buttons of lists ask after ``RECENT``.

Downloads of leads do not ask: staff export lists all day, and users who are asked too often type their password
anywhere. Downloads need a permission and are logged in the audit log of accounts.
"""

from typing import cast

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from crm_project.http.client_address import client_address
from users.back_office.throttled import too_many_requests, wait_message
from users.models import User
from users.sessions import password_age, password_entered
from users.throttle import LoginAttempt, Throttled

RECENT = 15 * 60  # seconds
TO_FILL_IN = 15 * 60
NEXT = "next"
# Names of routes.
FORMS = {
    *("users_user_add", "users_user_change", "users_user_second_factor", "auth_user_password_change"),
    *("auth_group_add", "auth_group_change", "auth_group_delete"),
    *("personal_data", "personal_data_download", "personal_data_erase"),
}
BUTTONS = {
    *("users_user_changelist", "users_user_unlock_address", "users_user_approval", "users_user_hand_over"),
    *("auth_group_changelist", "calendar_link"),
}


def password_required(request: HttpRequest) -> HttpResponseBase | None:
    """Return a redirect to the page that asks for the password, if it must be entered again."""
    match = request.resolver_match
    name = match.url_name if match else None
    writes = request.method not in ("GET", "HEAD")
    if not (name in FORMS or (name in BUTTONS and writes)) or not admin.site.has_permission(request):
        return None
    allowed = RECENT + TO_FILL_IN if writes and name in FORMS else RECENT
    if password_age(request.session) <= allowed:
        return None
    if writes:
        messages.warning(request, "Not saved: enter your password and try again.")
    query = urlencode({NEXT: request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('admin:confirm_password')}?{query}")


def confirm_password(request: HttpRequest) -> HttpResponseBase:
    """``/admin/confirm-password/``: check the password, with the limits of the login, and continue."""
    password = request.POST.get("password", "")
    if request.method != "POST" or not password:
        return _page(request)
    user = User.objects.get(pk=cast(User, request.user).pk)
    try:
        attempt = LoginAttempt(user.username, client_address(request))
    except Throttled as limit:
        return too_many_requests(_page(request, wait_message(limit.wait)), limit.wait)
    correct = user.check_password(password)
    attempt.record(correct)
    if not correct:
        return _page(request, "Wrong password.")
    password_entered(request.session)
    return HttpResponseRedirect(_next_page(request))


def _page(request: HttpRequest, problem: str = "") -> HttpResponseBase:
    page = {"title": "Confirm password", "problem": problem, "next_page": _next_page(request)}
    return TemplateResponse(request, "users/confirm_password.html", {**admin.site.each_context(request), **page})


def _next_page(request: HttpRequest) -> str:
    """Return the requested page of the back office; the home page if the request names another."""
    home = reverse("admin:index")
    requested = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    safe = url_has_allowed_host_and_scheme(requested, {request.get_host()}, require_https=request.is_secure())
    return requested if safe and requested.startswith(home) else home
