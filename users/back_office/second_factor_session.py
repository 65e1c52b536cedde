"""The second factor of a session: no page of the back office opens before it is verified.

The state is computed at each request: sessions that are older than the second factor, or than its requirement, must
verify it too, and a session ends when the app that verified it is removed.
"""

from enum import Enum
from typing import Any

import django_otp
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import login, logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_otp.models import Device

from crm_project.events import event
from users import permissions, second_factor
from users.audit import Action, Channel, log_account_event

VERIFIED_BY = "second_factor_device"  # in a session: the device whose code it was logged in with
NEXT = "next"


class State(Enum):
    """What a user has to do before pages open."""

    DONE = "done"
    CODE = "code"  # enter a code
    SET_UP = "set_up"  # set up the factor that is required
    ENDED = "ended"  # log in again: the app that verified this session was removed


def is_required(user: Any) -> bool:
    """Return whether ``REQUIRE_SECOND_FACTOR`` requires a second factor of this user."""
    required = settings.REQUIRE_SECOND_FACTOR
    return required == "staff" or (required == "managers" and permissions.is_manager(user))


def state(request: HttpRequest) -> State:
    """Return what ``request.user``, who is staff, has to do; computed once per request."""
    cached = getattr(request, "second_factor_state", None)
    if cached is None:
        cached = _state(request)
        request.second_factor_state = cached  # type: ignore[attr-defined]
    return cached


def _state(request: HttpRequest) -> State:
    user: Any = request.user
    if getattr(user, "otp_device", None):
        return State.DONE
    if VERIFIED_BY in request.session:
        return State.ENDED
    if second_factor.app_of(user):
        return State.CODE
    return State.SET_UP if is_required(user) else State.DONE


def is_done(request: HttpRequest) -> bool:
    """Return whether the second factor is verified or not needed."""
    return state(request) is State.DONE


def required_step(request: HttpRequest) -> HttpResponseBase | None:
    """Return the reply that replaces a page until the second factor is verified; otherwise ``None``.

    Logging out is always possible. The admin site rejects users who are not staff.
    """
    if not (request.user.is_active and request.user.is_staff) or is_done(request):
        return None
    if request.path == reverse("admin:logout"):
        return admin.site.logout(request)
    if request.method == "POST":
        messages.warning(request, "Not saved: the second factor is missing. Try again afterwards.")
    here = request.get_full_path()
    if state(request) is State.ENDED:
        logout(request)
        messages.warning(request, "Your second factor was changed. Log in again.")
        return redirect_to_login(here, reverse("admin:login"))
    page = "admin:login_code" if state(request) is State.CODE else "admin:second_factor_set_up"
    return HttpResponseRedirect(f"{reverse(page)}?{urlencode({NEXT: here})}")


def log(request: HttpRequest, action: Action, target: Any, left: int | None = None) -> None:
    """Log what ``request.user`` did with a second factor, in the log and the audit log of accounts."""
    counts = [] if left is None else [{"recovery_codes_left": left + 1}, {"recovery_codes_left": left}]
    before, after = counts or (None, None)
    actor: Any = request.user
    log_account_event(action, actor=actor, target=target, channel=Channel.ADMIN, before=before, after=after)
    event(action.value, target_id=target.pk)


def log_in(request: HttpRequest, user: Any, device: Device) -> None:
    """Log ``user`` in with a session that has a new key and remembers the device."""
    user.otp_device = device  # django-otp stores it in the session as part of Django's login
    login(request, user)
    request.session[VERIFIED_BY] = device.persistent_id


def mark_verified(request: HttpRequest, device: Device) -> None:
    """Mark the session, with a new key, as verified by the user's new device."""
    django_otp.login(request, device)
    request.session[VERIFIED_BY] = device.persistent_id
    request.session.cycle_key()


def unmark_verified(request: HttpRequest) -> None:
    """Keep the session valid after its user removed the app that verified it."""
    request.session.pop(VERIFIED_BY, None)
    request.session.cycle_key()


def next_page(request: HttpRequest) -> str:
    """Return the requested next page of this site; the home page if there is none."""
    requested = request.POST.get(NEXT, request.GET.get(NEXT, ""))
    safe = url_has_allowed_host_and_scheme(requested, {request.get_host()}, require_https=request.is_secure())
    return requested if requested and safe else resolve_url("admin:index")
