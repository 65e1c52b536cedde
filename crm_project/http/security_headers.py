"""What every reply tells browsers not to do with it."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# The back office's frame evaluates the expressions in its own attributes, and styles elements as it goes.
BACK_OFFICE = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
EVERYWHERE = {
    "Server": "crm",  # the server would name itself
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
NOT_KEPT = {"Cache-Control": "no-store"}  # personal data

# Static files too have a policy: a picture that is opened by itself is a document.
OF_API = {**EVERYWHERE, **NOT_KEPT, POLICY: NOTHING}
OF_ADMIN = {**EVERYWHERE, **NOT_KEPT, POLICY: BACK_OFFICE}
OF_OTHERS = {**EVERYWHERE, POLICY: NOTHING}


class SecurityHeaders:
    """Nothing is framed, sniffed or told to other sites, and personal data stays in no cache.

    Around all other middleware, since some of that replies by itself. A view that needs another policy sets it.
    ``no-store`` keeps browsers from asking with ``If-None-Match`` of their own accord; an app that does so by itself
    gets its 304 as before.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The reply, with its headers."""
        response = self.get_response(request)
        path = request.path_info
        own = OF_API if path.startswith("/api/") else OF_ADMIN if path.startswith("/admin/") else OF_OTHERS
        for name, value in own.items():
            response.headers.setdefault(name, value)
        return response


def vary(response: HttpResponseBase, name: str) -> None:
    """Say that the reply would be another for another header of that ``name``."""
    if "Vary" in response.headers:
        patch_vary_headers(response, (name,))
    else:
        response.headers["Vary"] = name
