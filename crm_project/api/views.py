"""What every view set of the API does alike: method first, then the token; ids in the path; one row or many."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import chain
from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Empty, Request
from rest_framework.viewsets import ViewSet

from crm_project.api import idempotency
from crm_project.api.errors import Refused, Unprocessable
from crm_project.api.json import JSONParser, JSONRenderer, read
from crm_project.values import BIGGEST, MISSING, Invalid, Problem, integer, located

Row = dict[str, Any]
Judge = Callable[[object], tuple[Row, Sequence[Problem]]]


LARGEST_WHOLE = 1 << 20  # bytes of a reply that might be streamed
RENDERER, PARSER = JSONRenderer(), JSONParser()  # they keep nothing of what they write and read


class ApiViewSet(ViewSet):
    """A DRF view set that refuses an unserved method before it asks for a token, as the earlier server did."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    # Whether a user's POST with an Idempotency-Key is carried out once and its reply kept for a day.
    keeps_replies = True

    @property
    def default_response_headers(self) -> dict[str, str]:
        """``Allow``; DRF looks for a handler of each method, every time."""
        view: Any = type(self)
        return {"Allow": _allowed(view, tuple(self.action_map or ()))}

    def get_authenticators(self) -> list[Any]:
        """Those of DRF's settings, made once."""
        return _made(tuple(self.authentication_classes))

    def get_permissions(self) -> list[Any]:
        """The same."""
        return _made(tuple(self.permission_classes))

    def get_parsers(self) -> list[Any]:
        """The same."""
        return _made(tuple(self.parser_classes))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """405 first, then authentication and permissions, then the ``Idempotency-Key``.

        DRF's own also negotiates suffixes and versions and asks throttles, of which there are none here.
        """
        method = (request.method or "").lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        request.accepted_renderer, request.accepted_media_type = RENDERER, RENDERER.media_type
        self.perform_authentication(request)
        self.check_permissions(request)
        if idempotency.META in request.META and method == "post" and self.keeps_replies and request.user is not None:
            setattr(self, method, partial(idempotency.once, getattr(self, method)))


@cache
def _allowed(view: Any, methods: tuple[str, ...]) -> str:
    """The methods that a route of the view set serves, as ``Allow`` has them."""
    served = view()
    for method in methods:
        setattr(served, method, None)
    return ", ".join(served.allowed_methods)


def written(data: Any, headers: dict[str, str] | None = None, status_code: int = status.HTTP_200_OK) -> HttpResponse:
    """A reply that is asked for often, as JSON; DRF's own is a template, rendered later and at its price."""
    return HttpResponse(RENDERER.render(data), RENDERER.media_type, status_code, headers=headers)


def written_part(rows: list[Any]) -> bytes:
    """Some rows of a reply, without its brackets."""
    return RENDERER.render(rows)[1:-1]


def written_parts(parts: Iterable[bytes]) -> HttpResponse:
    """The 201 of a bulk request."""
    content = b"[" + b",".join(parts) + b"]"
    return HttpResponse(content, content_type=RENDERER.media_type, status=status.HTTP_201_CREATED)


def written_stream(parts: Iterable[list[Any]]) -> HttpResponseBase:
    """A reply with all rows of a list, which are read some at a time; a large one is written while they are read."""
    chunks, first, size = _array(parts), [], 0
    for chunk in chunks:
        first.append(chunk)
        size += len(chunk)
        if size > LARGEST_WHOLE:
            return StreamingHttpResponse(chain(first, chunks), content_type=RENDERER.media_type)
    return HttpResponse(b"".join(first), content_type=RENDERER.media_type)


def _array(parts: Iterable[list[Any]]) -> Iterator[bytes]:
    before = b"["
    for rows in parts:
        yield before + written_part(rows)
        before = b","
    yield b"[]" if before == b"[" else b"]"


@cache
def _made(classes: tuple[type[Any], ...]) -> list[Any]:
    """One of each, for every request: none of ours keeps anything."""
    return [one() for one in classes]


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
    # What DRF would choose its parser for, after some search.
    plain = request._request.content_type == JSONParser.media_type and vars(request)["_full_data"] is Empty
    # DRF parses nothing when there is no body and hands out an empty form, which JSON never is.
    data = None if plain else request.data
    if not read(request._request):
        raise Unprocessable([Problem(MISSING[0], ("body",), MISSING[1], None)])
    return PARSER.parse(request._request) if plain else data
