"""What every view set of the API does alike: method first, then the token; ids in the path; one row or many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from crm_project.api import idempotency
from crm_project.api.errors import Refused, Unprocessable
from crm_project.api.json import JSONRenderer, read
from crm_project.values import BIGGEST, MISSING, Invalid, Problem, integer, located

Row = dict[str, Any]
Judge = Callable[[object], tuple[Row, Sequence[Problem]]]


LARGEST_WHOLE = 1 << 20  # bytes of a reply that might be streamed


class ApiViewSet(ViewSet):
    """A DRF view set that refuses an unserved method before it asks for a token, as the earlier server did."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    # Whether a user's POST with an Idempotency-Key is carried out once and its reply kept for a day.
    keeps_replies = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """405 first, then what DRF does (authentication, permissions), then the ``Idempotency-Key``."""
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)
        if idempotency.META in request.META and method == "post" and self.keeps_replies and request.user is not None:
            setattr(self, method, partial(idempotency.once, getattr(self, method)))


def written(data: Any, headers: dict[str, str] | None = None, status_code: int = status.HTTP_200_OK) -> HttpResponse:
    """A reply that is asked for often, as JSON; DRF's own is a template, rendered later and at its price."""
    return HttpResponse(orjson.dumps(data), JSONRenderer.media_type, status_code, headers=headers)


def written_part(rows: list[Any]) -> bytes:
    """Some rows of a reply, without its brackets."""
    return orjson.dumps(rows)[1:-1]


def written_parts(parts: Iterable[bytes]) -> HttpResponse:
    """The 201 of a bulk request."""
    content = b"[" + b",".join(parts) + b"]"
    return HttpResponse(content, content_type=JSONRenderer.media_type, status=status.HTTP_201_CREATED)


def written_stream(parts: Iterable[list[Any]]) -> HttpResponseBase:
    """A reply with all rows of a list, which are read some at a time; a large one is written while they are read."""
    chunks, first, size = _array(parts), [], 0
    for chunk in chunks:
        first.append(chunk)
        size += len(chunk)
        if size > LARGEST_WHOLE:
            return StreamingHttpResponse(chain(first, chunks), content_type=JSONRenderer.media_type)
    return HttpResponse(b"".join(first), content_type=JSONRenderer.media_type)


def _array(parts: Iterable[list[Any]]) -> Iterator[bytes]:
    before = b"["
    for rows in parts:
        yield before + written_part(rows)
        before = b","
    yield b"[]" if before == b"[" else b"]"


def path_id(given: str, name: str, missing: str) -> int:
    """An id from the path: 422 where it is no integer, a 404 that says ``missing`` where no row can have it."""
    try:
        number = integer(given, -(10**40), 10**40)
    except Invalid as invalid:
        raise Unprocessable([Problem(invalid.type, ("path", name), invalid.msg, given)]) from None
    if not 0 < number <= BIGGEST:
        raise NotFound(missing)
    return number


def judged_row(body: object, judge: Judge) -> Row:
    """The checked values of a body that is one object; all its problems in one 422."""
    row, problems = judge(body)
    if problems:
        raise Unprocessable(located(problems, "body"))
    return row


def judged_rows(body: list[Any], judge: Judge) -> list[Row]:
    """The checked values of every row of a bulk body, which are taken out of it; all problems of all rows in one 422.

    An empty list is a 400, one longer than ``BULK_MAX_ROWS`` a 413.
    """
    if not body:
        raise Refused(status.HTTP_400_BAD_REQUEST, "Empty list")
    if len(body) > settings.BULK_MAX_ROWS:
        raise Refused(
            status.HTTP_413_REQUEST_ENTITY_TOO_LARGE, f"More than {settings.BULK_MAX_ROWS} rows in one request"
        )
    rows: list[Row] = []
    problems: list[Problem] = []
    for index, item in enumerate(body):
        row, wrong = judge(item)
        body[index] = None  # ten thousand rows need not be there twice
        rows.append(row)
        if wrong:
            problems += located(wrong, "body", index)
    if problems:
        raise Unprocessable(problems)
    return rows


def body_of(request: Request) -> Any:
    """The parsed body; an absent one is a 422."""
    data = request.data
    # DRF parses nothing when there is no body and hands out an empty form, which JSON never is.
    if not read(request):
        raise Unprocessable([Problem(MISSING[0], ("body",), MISSING[1], None)])
    return data
