"""Django's session authentication, which also records the user's id for the log."""

from functools import partial

from django.contrib import auth
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm_project.logs import USER_ID


class SessionAuthentication(AuthenticationMiddleware):
    """Sets a lazy ``request.user``. When the user is read, its id is added to ``META``."""

    def process_request(self, request: HttpRequest) -> None:
        """Set ``request.user``."""
        super().process_request(request)
        request.user = SimpleLazyObject(partial(_get_user, request))  # type: ignore[assignment]


def _get_user(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    user = auth.get_user(request)
    request.META[USER_ID] = user.pk
    return user
