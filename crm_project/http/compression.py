"""Replies compressed where the client asks for it."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from crm_project.http.security_headers import vary

SHORTEST = 1024  # bytes worth the trouble
# What holds a secret beside what an attacker may have sent: the length of the compressed reply would tell (BREACH).
# The admin's CSRF tokens are no such secret, Django writes them differently each time.
WITH_SECRETS = "/api/users/"


class Compression(GZipMiddleware):
    """gzip, as Django does it, but neither for replies that hold tokens nor for short ones."""

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        """The reply, compressed or as it was; a strong ``ETag`` becomes a weak one."""
        if request.path_info.startswith(WITH_SECRETS) or response.streaming or len(response.content) < SHORTEST:
            return response  # type: ignore[no-any-return]
        if "gzip" not in request.META.get("HTTP_ACCEPT_ENCODING", ""):
            vary(response, "Accept-Encoding")
            return response  # type: ignore[no-any-return]
        return super().process_response(request, response)
