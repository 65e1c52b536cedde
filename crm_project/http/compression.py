"""Compression of responses for clients that accept it."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from crm_project.http.security_headers import vary

MIN_LENGTH = 1024  # bytes
# Responses with secrets and user input are not compressed, because the length would reveal the secret (BREACH). The
# CSRF tokens of the back office are safe: Django masks them differently each time.
WITH_SECRETS = "/api/users/"


class Compression(GZipMiddleware):
    """Django's gzip middleware, except for responses with tokens and short ones."""

    def process_response(self, request: HttpRequest, response: Any) -> HttpResponseBase:
        """Return the response, compressed if possible. A strong ``ETag`` becomes a weak one."""
        if request.path_info.startswith(WITH_SECRETS) or response.streaming or len(response.content) < MIN_LENGTH:
            return response  # type: ignore[no-any-return]
        if "gzip" not in request.META.get("HTTP_ACCEPT_ENCODING", ""):
            vary(response, "Accept-Encoding")
            return response  # type: ignore[no-any-return]
        return super().process_response(request, response)
