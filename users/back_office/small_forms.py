"""A size limit for forms that need no login. Their pages show the input again, with up to six bytes a character."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from crm_project.http.errors import reply

MAX_BYTES = 128 * 1024  # a password of 4096 characters, twice, has at most 96 KB

View = Callable[..., HttpResponseBase]


def small_form(view: View) -> View:
    """Return the view with a limit on the size of the body, which replies 413."""

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BYTES:
            return reply(413, f"The form is larger than {MAX_BYTES:,} bytes")
        return view(request, *args, **kwargs)

    return limited
