"""Middleware that adds security headers to all responses."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# The scripts of unfold evaluate expressions in attributes, and set styles of elements.
BACK_OFFICE = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
EVERYWHERE = {
    "Server": "crm",  # in place of the server's name
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
NO_STORE = {"Cache-Control": "no-store"}  # personal data

# Static files have a policy too, because an image opened by itself is a document.
API_HEADERS = {**EVERYWHERE, **NO_STORE, POLICY: NOTHING}
ADMIN_HEADERS = {**EVERYWHERE, **NO_STORE, POLICY: BACK_OFFICE}
OTHER_HEADERS = {**EVERYWHERE, POLICY: NOTHING}


class SecurityHeaders:
    """Prevents framing, content sniffing and referrers to other sites, and the caching of personal data.

    It runs outside other middleware, because some of it creates responses. A view can set another policy. With
    ``no-store``, browsers send no ``If-None-Match`` by themselves; apps can still do so and get a 304.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response with the headers of its part of the site."""
        response = self.get_response(request)
        path = request.path_info
        api, admin = path.startswith("/api/"), path.startswith("/admin/")
        for name, value in (API_HEADERS if api else ADMIN_HEADERS if admin else OTHER_HEADERS).items():
            response.headers.setdefault(name, value)
        return response


def vary(response: HttpResponseBase, name: str) -> None:
    """Add ``name`` to the response's ``Vary`` header."""
    if "Vary" in response.headers:
        patch_vary_headers(response, (name,))
    else:
        response.headers["Vary"] = name
