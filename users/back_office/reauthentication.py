"""Pages that ask for the password again: those that erase, export, and change users or groups.

A page with a form asks before it shows the form, once the password was entered more than ``RECENT`` ago; what is filled
in then is accepted for ``TO_FILL_IN`` longer. What comes later is refused, and the page says that nothing was saved.
Buttons of lists, where nothing is filled in, ask after ``RECENT``.

Downloads of leads do not ask: staff export lists all day, and who is asked for a password at every other step types it
anywhere. They take a permission and leave an entry in the audit log of accounts.
"""

from typing import cast

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from crm_project.http.client_address import client_address
from users.models import User
from users.sessions import password_age, password_entered
from users.throttle import LoginAttempt, Throttled

RECENT = 15 * 60  # seconds
TO_FILL_IN = 15 * 60
NEXT = "next"
# By the names of their routes.
FORMS = {
    *("users_user_add", "users_user_change", "users_user_second_factor", "auth_user_password_change"),
    *("auth_group_add", "auth_group_change", "auth_group_delete"),
    *("personal_data", "personal_data_download", "personal_data_erase"),
}
BUTTONS = {"users_user_changelist", "users_user_unlock_address", "users_user_approval", "auth_group_changelist"}


def password_required(request: HttpRequest) -> HttpResponseBase | None:
    """Return a redirect to the page that asks for the password, where it must be entered again first."""
    match = request.resolver_match
    name = match.url_name if match else None
    writes = request.method not in ("GET", "HEAD")
    if not (name in FORMS or (name in BUTTONS and writes)) or not admin.site.has_permission(request):
        return None
    allowed = RECENT + TO_FILL_IN if writes and name in FORMS else RECENT
    if password_age(request.session) <= allowed:
        return None
    if writes:
        messages.warning(request, "Nothing was saved: enter your password, then do it again.")
    query = urlencode({NEXT: request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('admin:confirm_password')}?{query}")


def confirm_password(request: HttpRequest) -> HttpResponseBase:
    """``/admin/confirm-password/``: ask for the password, under the limits of the login, and go on."""
    password = request.POST.get("password", "")
    if request.method != "POST" or not password:
        return _page(request)
    user = User.objects.get(pk=cast(User, request.user).pk)
    try:
        attempt = LoginAttempt(user.username, client_address(request))
    except Throttled as limit:
        minutes = -(-limit.wait // 60)
        problem = f"Too many failed attempts. Try again in {minutes} minute{'s' * (minutes > 1)}."
        response = _page(request, problem, status=429)
        response["Retry-After"] = str(limit.wait)
        return response
    right = user.check_password(password)
    attempt.record(right)
    if not right:
        return _page(request, "That is not your password.")
    password_entered(request.session)
    return HttpResponseRedirect(_next_page(request))


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponseBase:
    shown = {"title": "Confirm your password", "problem": problem, "next_page": _next_page(request)}
    context = {**admin.site.each_context(request), **shown}
    return TemplateResponse(request, "users/confirm_password.html", context, status=status)


def _next_page(request: HttpRequest) -> str:
    """Return where to go on: a page of this back office, its home page where something else is asked for."""
    home = reverse("admin:index")
    asked = request.POST.get(NEXT) or request.GET.get(NEXT) or ""
    safe = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if safe and asked.startswith(home) else home
