"""Middleware of the API, and CORS."""

import re
from collections.abc import Callable
from typing import ClassVar, cast
from urllib.parse import SplitResult

from corsheaders import middleware as cors
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from crm_project.http.errors import RETRY_AFTER, reply, too_large
from crm_project.http.security_headers import vary

# The status with which crm_project/http/gateway.py rejects a body. The response is created here, with CORS headers.
BODY_REFUSED = "crm.body_refused"
BUSY = "crm.busy"  # set by crm_project/http/gateway.py: all requests that may run at a time are running
FORM = "application/x-www-form-urlencoded"
# Bytes. Python needs eighty times the memory to decode a value full of "%41". The longest text of a form has 20,000
# characters, at most 240,000 bytes.
MAX_FORM = 1 << 20
MAX_HOSTS = 100
PROBES = frozenset(("/health/live", "/health/ready"))
METRICS = "/metrics"
REFUSALS = {
    400: "The body ended before its announced length",
    503: "The server is busy; try again",
}

_shared = re.compile(settings.CORS_URLS_REGEX)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class CorsMiddleware(cors.CorsMiddleware):
    """django-cors-headers', without reading all headers where no browser names an origin, for exact origins alone."""

    def is_enabled(self, request: HttpRequest) -> bool:
        """Return whether other origins may request the path."""
        return bool(_shared.match(request.path_info))

    def origin_found_in_white_lists(self, origin: str, url: SplitResult) -> bool:
        """Return whether the exact origin is listed. A listed origin followed by a path is none."""
        return origin in settings.CORS_ALLOWED_ORIGINS

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response, with the headers for its origin."""
        if "HTTP_ORIGIN" in request.META or request.method == "OPTIONS":
            return cast(HttpResponseBase, super().__call__(request))
        response = cast(HttpResponseBase, self.get_response(request))
        if self.is_enabled(request):
            vary(response, "origin")
        return response


class Views:
    """The innermost middleware, which does nothing. ``ApiMiddleware`` calls the views after it directly."""

    latest: ClassVar["Views"]

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        Views.latest = self

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the view's response."""
        return self.get_response(request)


class ApiMiddleware:
    """Checks ``Host``, rejects incomplete bodies, and serves ``/api/x/`` as ``/api/x`` without a redirect.

    Requests for ``/api`` go directly to the views. They need no sessions, CSRF, messages and static files, which the
    middleware after this one provides. So do health checks and ``/metrics``, whose ``Host`` may be an address of this
    machine.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.hosts: set[str] = set()  # allowed names that were used before
        self.api = Views.latest.get_response  # Django creates the inner middleware first

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response; raise ``DisallowedHost`` (a 400) for an unknown host name."""
        if is_probe(request) or request.path_info == METRICS:
            return self.api(request)
        self._check_host(request)
        if status := request.META.get(BODY_REFUSED):
            return self._reject_body(status)
        if request.content_type == FORM and _length(request) > MAX_FORM:
            return reply(413, f"The form is larger than {MAX_FORM} bytes")
        path = request.path_info
        if not path.startswith("/api/"):
            return self.get_response(request)
        if path.endswith("/"):
            request.path_info = path[:-1]
            request.path = request.path[:-1]
        return self.api(request)

    def _check_host(self, request: HttpRequest) -> None:
        host = request.META.get("HTTP_HOST")
        if host not in self.hosts:
            request.get_host()
            if host and len(self.hosts) < MAX_HOSTS:  # there are many spellings of one
                self.hosts.add(host)

    def _reject_body(self, status_code: int) -> HttpResponseBase:
        if status_code == 413:
            return reply(413, str(too_large().detail))
        response = reply(status_code, REFUSALS[status_code])
        if status_code == 503:
            response["Retry-After"] = RETRY_AFTER
        return response


def is_probe(request: HttpRequest) -> bool:
    """Return whether the request is a health check of a load balancer."""
    return request.path_info in PROBES


def _length(request: HttpRequest) -> int:
    length = request.META.get("CONTENT_LENGTH") or ""
    return int(length) if length.isdecimal() else 0
