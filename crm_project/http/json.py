"""Parsers of JSON and forms, the JSON renderer, and content negotiation without a 406."""

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

# In one body: fifty for each of ten thousand rows. Without this limit a body of 16 MiB could take 500 MB of memory,
# because an empty list has two bytes of text and 64 bytes in memory.
MAX_VALUES = 500_000
_string = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


class JSONParser(BaseParser):
    """Parses ``application/json`` and ``application/…+json``. Malformed JSON is a 422 with its position."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the parsed body; raise ``ValidationFailed`` if it is not JSON."""
        body = read(stream).removeprefix(codecs.BOM_UTF8)
        _check_values(body)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            return _parse_surrogates(body, error)


def read(stream: Any) -> bytes:
    """Return the whole body; raise a 413 if it is over the limit."""
    try:
        return bytes(stream.body if hasattr(stream, "body") else stream.read())
    except RequestDataTooBig:
        raise too_large() from None


def _check_values(body: bytes) -> None:
    """Raise a 413 for a body with more than ``MAX_VALUES`` values, before it is parsed.

    Many brackets with few commas are a 422, because they are probably not JSON.
    """
    delimiters = (b",", b"[", b"{")
    if len(body) <= MAX_VALUES or sum(map(body.count, delimiters)) <= MAX_VALUES:
        return
    commas, *openings = map(body.count, delimiters)
    nested = sum(openings)
    for number, string in enumerate(_string.finditer(body)):  # delimiters in strings do not count
        text = string[0]
        commas -= text.count(b",")
        nested -= text.count(b"[") + text.count(b"{")
        if number > 2 * MAX_VALUES:  # names and values
            break
    if commas > MAX_VALUES:
        raise ApiError(413, f"The body holds more than {MAX_VALUES} values")
    if nested > MAX_VALUES:
        _malformed(0, f"more than {MAX_VALUES} lists and objects")


def _parse_surrogates(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """Parse escaped unpaired surrogates, which orjson rejects; validation then reports the field."""
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
    """Parses ``application/x-www-form-urlencoded`` as UTF-8, whatever the charset parameter is."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> QueryDict:
        """Return the fields; raise a 413 if there are more than Django's limit."""
        try:
            return QueryDict(read(stream), encoding="utf-8")
        except TooManyFieldsSent:
            raise _too_many_fields() from None


def _too_many_fields() -> ApiError:
    return ApiError(413, f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields")


class MultiPartParser(parsers.MultiPartParser):
    """Parses ``multipart/form-data`` as UTF-8."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the fields and files; raise DRF's ``ParseError`` for malformed parts."""
        try:
            return super().parse(stream, media_type, {**(parser_context or {}), "encoding": "utf-8"})
        except RequestDataTooBig:
            raise too_large() from None
        except (TooManyFieldsSent, TooManyFilesSent):
            raise _too_many_fields() from None


class JSONRows:
    """An array of rows in serialized parts, so that ten thousand rows are never in memory as objects."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = parts

    @staticmethod
    def part(rows: list[Any]) -> bytes:
        """Return some rows as JSON, without the brackets of the array."""
        return orjson.dumps(rows)[1:-1]

    def __bytes__(self) -> bytes:
        return b"[" + b",".join(self.parts) + b"]"


class JSONRenderer(BaseRenderer):
    """Renders with orjson. Views pass dicts with timestamps as text, or ``JSONRows``."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Return UTF-8 JSON, or no bytes for a response without a body."""
        if isinstance(data, JSONRows):
            return bytes(data)
        return b"" if data is None else orjson.dumps(data)


class SingleRendererNegotiation(BaseContentNegotiation):
    """Selects JSON whatever ``Accept`` is, as the contract requires, and parsers by the media type."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """Return the parser for the content type, or JSON if there is none; raise a 415 otherwise."""
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
        """Return the first renderer."""
        first = next(iter(renderers))
        return first, first.media_type


def _is_json(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")
