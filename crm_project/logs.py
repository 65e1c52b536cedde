"""Log formatters: JSON lines, or text on a terminal, with the id of the request and without personal data.

Messages of exceptions can quote user input, such as a row that the database rejected. Tracebacks therefore contain the
types of exceptions and no messages, except for errors of the database itself.
"""

import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.http import HttpRequest
from django.utils.functional import LazyObject

# The current request of this thread. Its id is ``request.META[REQUEST_ID]``.
current: ContextVar[HttpRequest | None] = ContextVar("current", default=None)
REQUEST_ID = "crm.request_id"
USER_ID = "crm.user_id"
TRACE_ID = "crm.trace_id"  # of a W3C Trace Context, if the request has one
# The first line of their messages is about servers, locks and tables.
WITH_MESSAGE = (OperationalError, InterfaceError, ProgrammingError)

Line = dict[str, Any]


def user_id(request: HttpRequest) -> int | None:
    """Return the id of the request's user if it is known without a query, or ``None``."""
    user = getattr(request, "user", None)
    # A session's user is lazy (crm_project/http/authentication.py).
    return request.META.get(USER_ID) if user is None or isinstance(user, LazyObject) else user.pk


def fields_of(record: logging.LogRecord) -> Line:
    """Return the fields of a record, in the order of the log line."""
    second, part = divmod(record.created, 1)
    line: Line = {"time": f"{_second(second)}.{int(part * 1e6):06}Z", "level": record.levelname, "logger": record.name}
    if (facts := getattr(record, "facts", None)) is not None:
        line["event"] = record.msg
    else:
        line["message"] = _message(record)
    if request := current.get():
        line |= {"request_id": request.META.get(REQUEST_ID), "user_id": user_id(request)}
        if trace_id := request.META.get(TRACE_ID):
            line["trace_id"] = trace_id
    line |= facts or {}
    if record.exc_info and record.exc_info[1]:
        line["traceback"] = without_messages(record.exc_info[1])
    return line


@lru_cache(maxsize=2)
def _second(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def _message(record: logging.LogRecord) -> str:
    # Django's messages about requests end with the path, which is user input.
    return record.getMessage().partition(":")[0] if hasattr(record, "request") else record.getMessage()


def without_messages(error: BaseException) -> str:
    """Return the traceback of an exception and its causes, without messages."""
    parts: list[str] = []
    current_error: BaseException | None = error
    while current_error:
        first_line = str(current_error).partition("\n")[0]
        message = f": {first_line}" if isinstance(current_error, WITH_MESSAGE) else ""
        frames = "".join(traceback.format_tb(current_error.__traceback__))
        parts.append(f"{frames}{type(current_error).__qualname__}{message}")
        context = None if current_error.__suppress_context__ else current_error.__context__
        current_error = current_error.__cause__ or context
    return "\n\ncaused by\n\n".join(parts)


class ExcludeUnavailable(logging.Filter):
    """Drops Django's record of each 503, because ``crm_project/http/errors.py`` logs the reason."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        return getattr(record, "status_code", None) != 503


class JSONFormatter(logging.Formatter):
    """Formats each record as a JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, with other types as text."""
        return orjson.dumps(fields_of(record), default=str).decode()


class TextFormatter(logging.Formatter):
    """Formats records for terminals: ``2026-11-22T18:10:00.123456Z INFO crm.access: request status=200 …``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line, followed by its traceback."""
        line = fields_of(record)
        start = f"{line.pop('time')} {line.pop('level')} {line.pop('logger')}: "
        start += str(line.pop("event", None) or line.pop("message", ""))
        below = f"\n{line.pop('traceback')}" if "traceback" in line else ""
        return start + "".join(f" {key}={value}" for key, value in line.items() if value is not None) + below
