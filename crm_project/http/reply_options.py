"""Options of every call: ``strict`` refuses unknown parameters and fields, ``times=zoned`` writes times with a Z."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from rest_framework.request import Request

from crm_project.http.parameters import choice, collect, flag
from crm_project.http.prefer import preferences
from crm_project.validation import FieldError

PARAMETERS = frozenset(("strict", "times"))
ZONED = "zoned"
EXTRA = ("extra_forbidden", "Extra inputs are not permitted")

_time = re.compile(rb'("(?:[a-z]+_)?at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})"')


class ReplyOptions(NamedTuple):
    """What a request asks for, and what is wrong with its options."""

    strict: bool = False
    zoned: bool = False
    errors: tuple[FieldError, ...] = ()


NONE = ReplyOptions()


def options_of(request: Request) -> ReplyOptions:
    """Return the options of a request."""
    query = request.query_params
    if PARAMETERS.isdisjoint(query) and "HTTP_PREFER" not in request.META:
        return NONE
    errors: list[FieldError] = []
    strict = collect(errors, "strict", query.get("strict", ""), flag)
    times = collect(errors, "times", query.get("times", ""), lambda given: choice(given, [ZONED]))
    if strict is None:
        strict = preferences(request).get("handling") == "strict"
    return ReplyOptions(strict, times == ZONED, tuple(errors))


def unknown_parameters(query: Mapping[str, Any], known: Collection[str]) -> list[FieldError]:
    """Return an error for each parameter that is not ``known``."""
    return [FieldError(EXTRA[0], ("query", name), EXTRA[1], query[name]) for name in query if name not in known]


def unknown_fields(body: Any, known: Collection[str]) -> list[FieldError]:
    """Return an error for each field of an object, or of the objects of a list, that is not ``known``."""
    rows: Iterable[tuple[tuple[str | int, ...], Any]] = (
        ((("body", index), row) for index, row in enumerate(body)) if isinstance(body, list) else [(("body",), body)]
    )
    return [
        FieldError(EXTRA[0], (*place, str(name)), EXTRA[1], value)
        for place, row in rows
        if isinstance(row, Mapping)
        for name, value in row.items()
        if name not in known
    ]


def with_zone(reply: bytes) -> bytes:
    """JSON with a Z after each time. Quotation marks in texts are escaped, so nothing there is taken for a time."""
    return _time.sub(rb'\1Z"', reply)
