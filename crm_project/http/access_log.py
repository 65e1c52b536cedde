"""What is logged and counted of each request, and request ids in responses and log lines."""

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
from crm_project.logs import REQUEST_ID, TRACE_ID, current, user_id
from crm_project.statement_counter import StatementCounter

logger = logging.getLogger("crm.access")

slow_logger = logging.getLogger("crm.slow")

# Called with each request at its end, its response, the seconds that it took, and its statements.
Observer = Callable[[HttpRequest, HttpResponseBase, float, StatementCounter], None]

_valid_id = re.compile(r"[\w.:/=-]{1,128}\Z", re.ASCII)  # matches the usual formats, and no email address
# W3C Trace Context; a later version may have further parts.
_traceparent = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?\Z"
)


class AccessLog:
    """Middleware that sets ``X-Request-ID``, and logs the route, user, status, time and statements of each request.

    The route is a pattern (``api/leads/<lead_id>``), because paths and query strings contain user input. Health checks
    are not logged. With ``ACCESS_LOG=false`` only the ids are set. ``SLOW_MS`` logs slow requests, and
    ``METRICS_ALLOW`` counts all.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.observers: list[Observer] = [*observers()]

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the response with the request's id."""
        started, statements = perf_counter(), StatementCounter()
        request.META[REQUEST_ID] = request_id = get_request_id(request)
        if match := _traceparent.match(request.META.get("HTTP_TRACEPARENT", "")):
            request.META[TRACE_ID] = match[1]
        before = current.set(request)
        try:
            with connection.execute_wrapper(statements):
                response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            if self.observers and not is_probe(request):
                observe = partial(self._observe, request, response, started, statements)
                if isinstance(response, StreamingHttpResponse):
                    response.streaming_content = _call_after(response.streaming_content, observe)
                else:
                    observe()
            return response
        finally:
            current.reset(before)

    def _observe(
        self, request: HttpRequest, response: HttpResponseBase, started: float, statements: StatementCounter
    ) -> None:
        seconds = perf_counter() - started
        for observer in self.observers:
            observer(request, response, seconds, statements)


def observers() -> Iterator[Observer]:
    """Yield what the settings ask for: the access log, the log of slow requests, and the metrics."""
    if settings.ACCESS_LOG:
        yield _log
    if settings.SLOW_MS:
        yield _log_slow
    if settings.METRICS_NETWORKS:
        from crm_project.metrics import count_request  # not at the top: see its docstring

        yield count_request


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


def _log(request: HttpRequest, response: HttpResponseBase, seconds: float, statements: StatementCounter) -> None:
    logger.info("request", extra={"facts": _facts(request, response, seconds, statements)})


def _log_slow(request: HttpRequest, response: HttpResponseBase, seconds: float, statements: StatementCounter) -> None:
    if seconds * 1000 >= settings.SLOW_MS:
        facts = _facts(request, response, seconds, statements)
        facts["queries_ms"] = round(statements.seconds * 1000, 2)
        slow_logger.warning("slow_request", extra={"facts": facts})


def _facts(
    request: HttpRequest, response: HttpResponseBase, seconds: float, statements: StatementCounter
) -> dict[str, Any]:
    match = request.resolver_match
    # A stream ends after the request is no longer the current one, so that its ids are here.
    ids = {"request_id": request.META[REQUEST_ID], "user_id": user_id(request)}
    if trace_id := request.META.get(TRACE_ID):
        ids["trace_id"] = trace_id
    return {
        **ids,
        "method": request.method,
        "route": match.route if match else None,
        "status": response.status_code,
        "ms": round(seconds * 1000, 2),
        "queries": statements.count,
    }
