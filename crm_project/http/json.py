"""JSON in and out through orjson, forms, and a content negotiation that never says 406."""

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import QueryDict
from rest_framework import exceptions, parsers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from crm_project.http.errors import ApiError, ValidationFailed, too_large
from crm_project.validation import FieldError

# In one body: fifty to each of ten thousand rows. An empty list takes 64 bytes of memory for the two of its text and a
# comma, so a body of 16 MiB could fill 500 MB.
MAX_VALUES = 500_000
_string = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class JSONParser(BaseParser):
    """``application/json`` and ``application/…+json``. Malformed text is a 422 at its position, as FastAPI had it."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The parsed body; ``Unprocessable`` where it is not JSON."""
        body = read(stream).removeprefix(codecs.BOM_UTF8)
        _check_values(body)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return _second_opinion(body, error)


def read(stream: Any) -> bytes:
    """The whole body; over the limit it is a 413."""
    try:
        return bytes(stream.body if hasattr(stream, "body") else stream.read())
    except RequestDataTooBig:
        raise too_large() from None


def _check_values(body: bytes) -> None:
    """Refuse a body of so many values that it would fill the memory, before there are any: a 413.

    Many brackets with few commas are a 422: most likely they are not JSON.
    """
    marks = (b",", b"[", b"{")
    if len(body) <= MAX_VALUES or sum(map(body.count, marks)) <= MAX_VALUES:
        return
    commas, *openings = map(body.count, marks)
    nested = sum(openings)
    for number, string in enumerate(_string.finditer(body)):  # what stands in texts is no value
        text = string[0]
        commas -= text.count(b",")
        nested -= text.count(b"[") + text.count(b"{")
        if number > 2 * MAX_VALUES:  # names and values
            break
    if commas > MAX_VALUES:
        raise ApiError(413, f"The body holds more than {MAX_VALUES} values")
    if nested > MAX_VALUES:
        _malformed(0, f"more than {MAX_VALUES} lists and objects")


def _second_opinion(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """Escaped unpaired surrogates, which orjson calls malformed, are left to the rules, which name the field."""
    if b"\\u" not in body:
        _malformed(error.pos, error.msg)
    try:
        return json.loads(body, parse_constant=lambda name: _malformed(error.pos, f"{name} is not JSON"))
    except RecursionError:
        _malformed(error.pos, "nested too deeply")
    except ValueError:
        _malformed(error.pos, error.msg)


def _malformed(position: int, message: str) -> NoReturn:
    raise ValidationFailed([FieldError("json_invalid", ("body", position), f"JSON decode error: {message}", {})])


class FormParser(BaseParser):
    """``application/x-www-form-urlencoded``, always UTF-8, whatever the charset parameter claims."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> QueryDict:
        """The fields; ``Refused`` where they are more than Django's limit."""
        try:
            return QueryDict(read(stream), encoding="utf-8")
        except TooManyFieldsSent:
            raise _too_many_fields() from None


def _too_many_fields() -> ApiError:
    return ApiError(413, f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields")


class MultiPartParser(parsers.MultiPartParser):
    """``multipart/form-data``, always UTF-8."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The fields and files; DRF's ``ParseError`` where the parts are malformed."""
        try:
            return super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})
        except RequestDataTooBig:
            raise too_large() from None
        except (TooManyFieldsSent, TooManyFilesSent):
            raise _too_many_fields() from None


class JSONRows:
    """An array whose rows are JSON already, some in each part, so that ten thousand need not be objects together."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = parts

    @staticmethod
    def part(rows: list[Any]) -> bytes:
        """Some rows, without the array's brackets."""
        return orjson.dumps(rows)[1:-1]

    def __bytes__(self) -> bytes:
        return b"[" + b",".join(self.parts) + b"]"


class JSONRenderer(BaseRenderer):
    """orjson; views hand it plain dicts with timestamps already written out, or ``JSONRows``."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """UTF-8 JSON, or nothing at all for a reply without a body."""
        if isinstance(data, JSONRows):
            return bytes(data)
        return b"" if data is None else orjson.dumps(data)


class SingleRendererNegotiation(BaseContentNegotiation):
    """JSON whatever ``Accept`` asks for (the earlier server did so), and parsers matched by plain media type."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """The parser for the request's content type; JSON where the client named none; else a 415."""
        media_type = request.content_type.partition(";")[0].strip().lower()
        for parser in parsers:
            if media_type == parser.media_type:
                return parser
        first = next(iter(parsers))
        if isinstance(first, JSONParser) and (not media_type or _is_json(media_type)):
            return first
        raise exceptions.UnsupportedMediaType(media_type, detail=f"Unsupported content type: send {first.media_type}")

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer, always."""
        first = next(iter(renderers))
        return first, first.media_type


def _is_json(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")
