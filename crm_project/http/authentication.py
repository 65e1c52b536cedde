"""Django's session authentication, which notes whom a request comes from for the log."""

from functools import partial

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm_project.logs import USER_ID


class SessionAuthentication(AuthenticationMiddleware):
    """``request.user`` is looked up when first asked for, as in Django's own; its id is in ``META`` from then on."""

    def process_request(self, request: HttpRequest) -> None:
        """Give the request its user."""
        super().process_request(request)
        request.user = SimpleLazyObject(partial(_noted_user, request))  # type: ignore[assignment]


def _noted_user(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    user = auth.get_user(request)
    request.META[USER_ID] = user.pk
    return user
