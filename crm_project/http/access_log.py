"""The access log: one line for each request, and request ids in responses and log lines."""

import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from random import getrandbits
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from crm_project.http.middleware import is_probe
from crm_project.logs import REQUEST_ID, current, user_id

logger = logging.getLogger("crm.access")

_valid_id = re.compile(r"[\w.:/=-]{1,128}\Z", re.ASCII)  # matches the usual formats, and no email address


class StatementCounter:
    """Counts the statements of one request, except COPY, BEGIN and COMMIT."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Run a statement; Django calls this for each."""
        self.count += 1
        return execute(sql, params, many, context)


class AccessLog:
    """Middleware that sets ``X-Request-ID``, and logs the route, user, status, time and statements of each request.

    The route is a pattern (``api/leads/<lead_id>``), because paths and query strings contain user input. Health checks
    are not logged. With ``ACCESS_LOG=false`` only the ids are set.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.enabled: bool = settings.ACCESS_LOG

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response with the request's id."""
        started, statements = perf_counter(), StatementCounter()
        request.META[REQUEST_ID] = request_id = get_request_id(request)
        before = current.set(request)
        try:
            with connection.execute_wrapper(statements):
                response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            if self.enabled and not is_probe(request):
                log = partial(_log, request, response, started, statements)
                if isinstance(response, StreamingHttpResponse):
                    response.streaming_content = _call_after(response.streaming_content, log)
                else:
                    log()
            return response
        finally:
            current.reset(before)


def _call_after(chunks: Any, callback: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        callback()


def get_request_id(request: HttpRequest) -> str:
    """Return the request's ``X-Request-ID`` if it is valid, or a new id."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    # An id is not a secret. Secure random numbers would release the interpreter lock.
    return given if _valid_id.match(given) else f"{getrandbits(64):016x}"


def _log(request: HttpRequest, response: HttpResponseBase, started: float, statements: StatementCounter) -> None:
    match = request.resolver_match
    facts = {
        "request_id": request.META[REQUEST_ID],  # a stream ends after the request is no longer the current one
        "user_id": user_id(request),
        "method": request.method,
        "route": match.route if match else None,
        "status": response.status_code,
        "ms": round((perf_counter() - started) * 1000, 2),
        "queries": statements.count,
    }
    logger.info("request", extra={"facts": facts})
