"""``Prefer``: what a client would like of a reply (RFC 7240), and ``Preference-Applied``, what it got."""

from rest_framework.request import Request
from rest_framework.response import Response

HEADER = "Preference-Applied"


def preferences(request: Request) -> dict[str, str]:
    """Return the request's preferences by name, in lower case; the first of a repeated one."""
    wanted: dict[str, str] = {}
    for preference in request.META.get("HTTP_PREFER", "").lower().split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        wanted.setdefault(name.strip(), value.strip().strip('"'))
    return wanted


def applied(response: Response, preference: str) -> None:
    """Say in the reply that a preference was applied."""
    response.headers[HEADER] = ", ".join(filter(None, (response.headers.get(HEADER), preference)))
