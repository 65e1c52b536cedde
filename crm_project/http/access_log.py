"""An id for every request, on its reply and on every line logged meanwhile, and one line about each: the access log."""

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

from crm_project.logs import REQUEST_ID, current, user_id

logger = logging.getLogger("crm.access")

_sane = re.compile(r"[\w.:/=-]{1,128}\Z", re.ASCII)  # all that makers of ids use, and no e-mail address


class Statements:
    """Counts the statements of one request; COPY and the connection's own BEGIN and COMMIT are not among them."""

    __slots__ = ("run",)

    def __init__(self) -> None:
        self.run = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Django's hook around each statement."""
        self.run += 1
        return execute(sql, params, many, context)


class AccessLog:
    """``X-Request-ID`` as the client sent it, or made here; a line with route, user, status, milliseconds, statements.

    The route is a pattern (``api/leads/<lead_id>``): paths and query strings hold what people typed.
    ``ACCESS_LOG=false`` leaves the lines out; the ids stay.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.told: bool = settings.ACCESS_LOG

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The reply, with its id."""
        started, statements = perf_counter(), Statements()
        request.META[REQUEST_ID] = request_id = id_of(request)
        before = current.set(request)
        try:
            with connection.execute_wrapper(statements):
                response = self.get_response(request)
            response.headers["X-Request-ID"] = request_id
            if self.told:
                tell = partial(_tell, request, response, started, statements)
                if isinstance(response, StreamingHttpResponse):
                    response.streaming_content = _followed_by(response.streaming_content, tell)
                else:
                    tell()
            return response
        finally:
            current.reset(before)


def _followed_by(chunks: Any, tell: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        tell()


def id_of(request: HttpRequest) -> str:
    """The id a proxy or client gave the request, if it looks like one, of 1 to 128 characters, or a new one."""
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    # A name and no secret. Asking the system for chance lets go of Python's lock, and other threads in.
    return given if _sane.match(given) else f"{getrandbits(64):016x}"


def _tell(request: HttpRequest, response: HttpResponseBase, started: float, statements: Statements) -> None:
    match = request.resolver_match
    facts = {
        "request_id": request.META[REQUEST_ID],  # a stream ends when the request is not the current one any more
        "user_id": user_id(request),
        "method": request.method,
        "route": match.route if match else None,
        "status": response.status_code,
        "ms": round((perf_counter() - started) * 1000, 2),
        "queries": statements.run,
    }
    logger.info("request", extra={"facts": facts})
