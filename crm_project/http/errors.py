"""Every error under /api as JSON: ``{"detail": "sentence"}``, or Pydantic-v2-shaped problems for a 422."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.response import Response

from crm_project.events import event
from crm_project.validation import FieldError

logger = logging.getLogger(__name__)

MAX_ERRORS = 100  # told in one reply
UNAVAILABLE = "The database is busy or away; try again"
RETRY_AFTER = "2"  # seconds
UNAVAILABLE_PAGE = """<!doctype html><html lang="en"><title>Not available just now</title>
<h1>Not available just now</h1><p>The database is busy or away. Please try again in a moment.</p>"""
MAX_ECHOED = 1000  # characters of a refused value, or bytes of its JSON, repeated in a reply


class ValidationFailed(exceptions.APIException):
    """422: values that break the rules, told one by one.

    ``problems`` have complete locations (``("body", 3, "email")``). No more than ``MAX_PROBLEMS`` are repeated to the
    client, then one entry says how many more there are.
    """

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY

    def __init__(self, problems: Sequence[FieldError]) -> None:
        super().__init__("Unprocessable")
        self.problems = [_as_json(problem) for problem in problems[:MAX_ERRORS]]
        if (rest := len(problems) - MAX_ERRORS) > 0:
            more = f"{rest} more problem{'s' * (rest > 1)} not shown"
            where = [problems[0].loc[0]]
            self.problems.append({"type": "too_many_problems", "loc": where, "msg": more, "input": None})


class ApiError(exceptions.APIException):
    """Any other refusal with its status and sentence, for codes that DRF has no class for."""

    def __init__(self, status_code: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.headers = headers or {}


def _as_json(problem: FieldError) -> dict[str, Any]:
    return {"type": problem.type, "loc": list(problem.loc), "msg": problem.msg, "input": _echo(problem)}


def _echo(problem: FieldError) -> Any:
    """What the client sent, if that is harmless to repeat: no password, nothing huge, nothing JSON cannot hold."""
    given = problem.input
    if "password" in problem.loc:
        return None
    if isinstance(given, dict) and "password" in given:
        given = {name: value for name, value in given.items() if name != "password"}
    if isinstance(given, str) and len(given) > MAX_ECHOED:
        given = given[:MAX_ECHOED] + "…"
    try:
        # Dumped as deep as it will stand in the reply: orjson's limit of depth is the whole document's.
        return given if len(orjson.dumps({"detail": [{"input": given}]})) <= 6 * MAX_ECHOED else None
    except TypeError:  # an uploaded file, an unpaired surrogate, nesting beyond orjson's depth
        return None


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook: the one place that turns exceptions into replies. ``None`` leaves it to Django (a 500, or a 400)."""
    match error:
        case ValidationFailed():
            return Response({"detail": error.problems}, error.status_code)
        case exceptions.ParseError():  # a form that cannot be read: as malformed as malformed JSON
            problem = FieldError("value_error", ("body",), str(error.detail), None)
            return Response({"detail": [_as_json(problem)]}, status.HTTP_422_UNPROCESSABLE_ENTITY)
        case exceptions.NotAuthenticated():
            return Response({"detail": "Not authenticated"}, error.status_code, headers=_headers(error))
        case exceptions.MethodNotAllowed():  # the view adds Allow
            return Response({"detail": "Method Not Allowed"}, error.status_code)
        case exceptions.PermissionDenied():
            event("permission_denied")
            return Response({"detail": str(error.detail)}, error.status_code)
        case exceptions.APIException():
            return Response({"detail": str(error.detail)}, error.status_code, headers=_headers(error))
        case Http404():
            return Response({"detail": "Not Found"}, status.HTTP_404_NOT_FOUND)
        case DatabaseError() | InterfaceError() if is_outage(error):
            report_outage(error)
            return Response(
                {"detail": UNAVAILABLE}, status.HTTP_503_SERVICE_UNAVAILABLE, headers={"Retry-After": RETRY_AFTER}
            )
    return None


def is_outage(error: BaseException) -> bool:
    """Whether the database, and not what it was asked, is the reason: away, full, locked, read-only, damaged, stopping.

    A read-only PostgreSQL, or one whose disk fails, raises ``InternalError``; a damaged SQLite file the plain class.
    """
    return isinstance(error, OperationalError | InterfaceError | InternalError) or type(error) is DatabaseError


def report_outage(error: BaseException) -> None:
    """One line in the log; a traceback for each request of an outage would bury what else it says."""
    logger.error("database unavailable: %s: %s", type(error).__name__, str(error).partition("\n")[0])


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def reply(status_code: int, detail: str) -> HttpResponse:
    """An error reply from outside DRF: middleware, the URL resolver, an unexpected exception."""
    return HttpResponse(orjson.dumps({"detail": detail}), status=status_code, content_type="application/json")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler400: a forbidden ``Host``; in the admin also a filter that no list has, a form of many fields."""
    if request.path_info.startswith("/admin") and not isinstance(exception, DisallowedHost):
        return defaults.bad_request(request, exception)
    return reply(400, "Bad Request")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler404: JSON, and a page for people in the admin."""
    if request.path_info.startswith("/admin"):
        return defaults.page_not_found(request, exception)
    return reply(404, "Not Found")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500: says nothing of the inside; the traceback is in the log. A 503 in an outage.

    The admin's views and all middleware come by here; in the API itself ``exception_handler`` is first.
    """
    if (error := sys.exception()) and is_outage(error):
        return unavailable(request, error)
    if request.path_info.startswith("/admin"):
        return defaults.server_error(request)
    return reply(500, "Internal Server Error")


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    """503 while the database is away: JSON, and a page for people in the admin."""
    report_outage(error)
    response = (
        HttpResponse(UNAVAILABLE_PAGE, status=503)
        if request.path_info.startswith("/admin")
        else reply(503, UNAVAILABLE)
    )
    response["Retry-After"] = RETRY_AFTER
    return response


def too_large() -> ApiError:
    """413 for a body over ``BODY_MAX_BYTES``."""
    return ApiError(413, f"The body is larger than {settings.BODY_MAX_BYTES} bytes")
