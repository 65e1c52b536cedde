"""Replies to requests that come too early after failed attempts."""

from django.http.response import HttpResponseBase


def wait_message(wait: int, cause: str = "Too many failed attempts.") -> str:
    """Return the message that says in how many seconds or minutes to try again."""
    number, unit = (wait, "second") if wait < 60 else (-(-wait // 60), "minute")
    return f"{cause} Try again in {number} {unit}{'s' * (number > 1)}."


def too_many_requests(response: HttpResponseBase, wait: int) -> HttpResponseBase:
    """Make a reply a 429 with ``Retry-After``, and return it."""
    response.status_code = 429
    response["Retry-After"] = str(wait)
    return response
