"""Errors of the API as JSON: ``{"detail": "message"}``, or a list of errors like Pydantic v2's for a 422."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import orjson
from django.conf import settings
from django.core.exceptions import DisallowedHost, ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from rest_framework import exceptions, status
from rest_framework.response import Response

from crm_project.events import event
from crm_project.logs import current
from crm_project.validation import FieldError

logger = logging.getLogger(__name__)

MAX_ERRORS = 100  # in one response
UNAVAILABLE_BECAUSE = "crm.unavailable_because"  # in a request's META: the reason of a 503, for the metrics
UNAVAILABLE = "The database is busy or away; try again"
RETRY_AFTER = "2"  # seconds
UNAVAILABLE_PAGE = """<!doctype html><html lang="en"><title>Not available just now</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><main>
<h1>Not available just now</h1><p>The database is busy or away. Please try again in a moment.</p></main>"""
MAX_ECHOED = 1000  # characters of an invalid value that a response repeats; its JSON may have six times as many bytes


class ValidationFailed(exceptions.APIException):
    """422: a list of invalid values.

    The errors have complete locations such as ``("body", 3, "email")``. The response has ``MAX_ERRORS`` of them, and an
    entry with the number of the others.
    """

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("Unprocessable")
        self.field_errors = errors
        self.errors = [_as_json(error) for error in errors[:MAX_ERRORS]]
        if (rest := len(errors) - MAX_ERRORS) > 0:
            message = f"{rest} more problem{'s' * (rest > 1)} not shown"
            location = [errors[0].loc[0]]
            self.errors.append({"type": "too_many_problems", "loc": location, "msg": message, "input": None})


class ApiError(exceptions.APIException):
    """An error with a status and message, for statuses without a class in DRF; ``more`` is added to the body."""

    def __init__(
        self, status_code: int, detail: str, headers: dict[str, str] | None = None, more: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.headers = headers or {}
        self.more = more or {}


class InvalidToken(exceptions.AuthenticationFailed):
    """A 401 for a token that is not valid, or not any more; ``WWW-Authenticate`` has the reason."""

    def __init__(self, reason: Literal["expired", "revoked", "malformed"]) -> None:
        super().__init__("Could not validate credentials")
        self.reason = reason


@contextmanager
def or_404(message: str) -> Iterator[None]:
    """Raise a 404 with the message where a row is not there, or not any more."""
    try:
        yield
    except ObjectDoesNotExist:
        raise exceptions.NotFound(message) from None


@contextmanager
def or_409(*conflicts: type[Exception]) -> Iterator[None]:
    """Raise a 409 with the text of a conflict. Whatever was written in the block must be undone by then."""
    try:
        yield
    except conflicts as conflict:
        raise ApiError(status.HTTP_409_CONFLICT, f"{conflict}; nothing was stored") from None


def _as_json(error: FieldError) -> dict[str, Any]:
    return {"type": error.type, "loc": list(error.loc), "msg": error.msg, "input": _echo(error)}


def _echo(error: FieldError) -> Any:
    """Return the invalid value for the response; ``None`` if it is a password, too large or not representable."""
    value = error.input
    if "password" in error.loc:
        return None
    if isinstance(value, dict) and "password" in value:
        value = {name: item for name, item in value.items() if name != "password"}
    if isinstance(value, str) and len(value) > MAX_ECHOED:
        value = value[:MAX_ECHOED] + "…"
    try:
        # At the depth that it has in the response, because orjson limits the depth of the whole document.
        return value if len(orjson.dumps({"detail": [{"input": value}]})) <= 6 * MAX_ECHOED else None
    except TypeError:  # an uploaded file, an unpaired surrogate, too deep nesting
        return None


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to an exception in a view of DRF; ``None`` leaves it to Django (a 500 or a 400)."""
    match error:
        case ValidationFailed():
            return Response({"detail": error.errors}, error.status_code)
        case exceptions.ParseError():  # a malformed form, like malformed JSON
            body_error = FieldError("value_error", ("body",), str(error.detail), None)
            return Response({"detail": [_as_json(body_error)]}, status.HTTP_422_UNPROCESSABLE_ENTITY)
        case exceptions.NotAuthenticated():
            return Response({"detail": "Not authenticated"}, error.status_code, headers=_headers(error))
        case exceptions.MethodNotAllowed():  # the view adds Allow
            return Response({"detail": "Method Not Allowed"}, error.status_code)
        case exceptions.PermissionDenied():
            event("permission_denied")
            return Response({"detail": str(error.detail)}, error.status_code)
        case ApiError():
            return Response({"detail": str(error.detail), **error.more}, error.status_code, headers=_headers(error))
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
    """Return whether the database is unavailable: unreachable, full, locked, read-only, damaged or stopping.

    A PostgreSQL server that is read-only or has a disk error raises ``InternalError``. A damaged SQLite file raises
    ``DatabaseError`` itself.
    """
    return isinstance(error, OperationalError | InterfaceError | InternalError) or type(error) is DatabaseError


def report_outage(error: BaseException) -> None:
    """Log an outage on one line, without the traceback, because each request of the outage causes a line.

    The metrics count the 503 of the current request under ``database``.
    """
    if request := current.get():
        request.META[UNAVAILABLE_BECAUSE] = "database"
    logger.error("database unavailable: %s: %s", type(error).__name__, str(error).partition("\n")[0])


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", None):
        why = f' error="invalid_token", error_description="{error.reason}"' if isinstance(error, InvalidToken) else ""
        headers["WWW-Authenticate"] = f"{challenge}{why}"
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers


def reply(status_code: int, detail: str) -> HttpResponse:
    """Return an error response outside DRF: of middleware, the URL resolver, or an unexpected exception."""
    return HttpResponse(orjson.dumps({"detail": detail}), status=status_code, content_type="application/json")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return Django's 400: an unknown ``Host``, and in the back office an unknown filter or too many form fields."""
    if request.path_info.startswith("/admin") and not isinstance(exception, DisallowedHost):
        return defaults.bad_request(request, exception)
    return reply(400, "Bad Request")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Return Django's 404: JSON, or a page in the back office."""
    if request.path_info.startswith("/admin"):
        return defaults.page_not_found(request, exception)
    return reply(404, "Not Found")


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Return Django's 500 without details, which are in the log; a 503 in an outage of the database.

    Django calls this for the back office and for middleware. The API's views use ``exception_handler``.
    """
    if (error := sys.exception()) and is_outage(error):
        return unavailable(request, error)
    if request.path_info.startswith("/admin"):
        return defaults.server_error(request)
    return reply(500, "Internal Server Error")


def unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Return the 503 of an outage: JSON, or a page in the back office."""
    report_outage(error)
    response = (
        HttpResponse(UNAVAILABLE_PAGE, status=503)
        if request.path_info.startswith("/admin")
        else reply(503, UNAVAILABLE)
    )
    response["Retry-After"] = RETRY_AFTER
    return response


def too_large() -> ApiError:
    """Return the 413 for a body over ``BODY_MAX_BYTES``."""

    return ApiError(413, f"The body is larger than {settings.BODY_MAX_BYTES} bytes")
