"""A size limit for the forms that ask for no login: their pages show again what was typed, at six bytes a character."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from crm_project.http.errors import reply

LARGEST = 128 * 1024  # bytes; a password of 4096 characters, typed twice, takes 96 KB at most

View = Callable[..., HttpResponseBase]


def small_form(view: View) -> View:
    """Return the view; a longer body is a 413, whatever its content type."""

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            return reply(413, f"The form is larger than {LARGEST} bytes")
        return view(request, *args, **kwargs)

    return limited
