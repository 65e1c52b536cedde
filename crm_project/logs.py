"""Log lines: JSON where a program reads them, text on a terminal; with the request's id, and nothing about people.

Messages of exceptions quote what somebody typed (a row the database refused, a number that is none), so tracebacks keep
the places and the kinds of exceptions but not their messages, save those about the database as such.
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

# The request that this thread is working on; its id is ``request.META[REQUEST_ID]``.
current: ContextVar[HttpRequest | None] = ContextVar("current", default=None)
REQUEST_ID = "crm.request_id"
USER_ID = "crm.user_id"
TELLING = (OperationalError, InterfaceError, ProgrammingError)  # their first line is about servers, locks and tables

Line = dict[str, Any]


def user_id(request: HttpRequest) -> int | None:
    """The id of the user a request is known to come from; asks the database nothing."""
    user = getattr(request, "user", None)
    # A session's user is looked up when first asked for (crm_project/http/authentication.py).
    return request.META.get(USER_ID) if user is None or isinstance(user, LazyObject) else user.pk


def line_of(record: logging.LogRecord) -> Line:
    """What a record says, in the order it is to be read."""
    second, part = divmod(record.created, 1)
    line: Line = {"time": f"{_second(second)}.{int(part * 1e6):06}Z", "level": record.levelname, "logger": record.name}
    if (facts := getattr(record, "facts", None)) is not None:
        line["event"] = record.msg
    else:
        line["message"] = _message(record)
    if request := current.get():
        line |= {"request_id": request.META.get(REQUEST_ID), "user_id": user_id(request)}
    line |= facts or {}
    if record.exc_info and record.exc_info[1]:
        line["traceback"] = without_messages(record.exc_info[1])
    return line


@lru_cache(maxsize=2)
def _second(second: float) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def _message(record: logging.LogRecord) -> str:
    # Django ends what it says of a request with the path, where anything may stand.
    return record.getMessage().partition(":")[0] if hasattr(record, "request") else record.getMessage()


def without_messages(error: BaseException) -> str:
    """The traceback of an exception and its causes."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen:
        told = f": {str(seen).partition(chr(10))[0]}" if isinstance(seen, TELLING) else ""
        parts.append("".join(traceback.format_tb(seen.__traceback__)) + type(seen).__qualname__ + told)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n\ncaused by\n\n".join(parts)


class Unrepeated(logging.Filter):
    """Leaves out what Django says of each 503: ``crm_project/http/errors.py`` has said why, with the request's id."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        return getattr(record, "status_code", None) != 503


class Without(logging.Filter):
    """Leaves out messages with that ``start``."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self.start = start

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        return not record.getMessage().startswith(self.start)


class JSONLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; what JSON does not know is written as text."""
        return orjson.dumps(line_of(record), default=str).decode()


class Text(logging.Formatter):
    """``2026-11-22T18:10:00.123456Z INFO crm.access: request status=200 …``, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, and its traceback below it."""
        line = line_of(record)
        start = f"{line.pop('time')} {line.pop('level')} {line.pop('logger')}: "
        start += str(line.pop("event", None) or line.pop("message", ""))
        below = f"\n{line.pop('traceback')}" if "traceback" in line else ""
        return start + "".join(f" {key}={value}" for key, value in line.items() if value is not None) + below
