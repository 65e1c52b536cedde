"""What every reply tells browsers not to do with it."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# The back office's frame evaluates the expressions in its own attributes, and styles elements as it goes.
BACK_OFFICE = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
PERSONAL = ("/api/", "/admin/")


class SafetyHeaders:
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
        path, set_default = request.path_info, response.headers.setdefault
        for name, value in EVERYWHERE.items():
            set_default(name, value)
        if path.startswith(PERSONAL):
            set_default("Cache-Control", "no-store")
        # Static files too: a picture that is opened by itself is a document.
        set_default(POLICY, BACK_OFFICE if path.startswith("/admin/") else NOTHING)
        return response
