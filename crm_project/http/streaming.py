"""Responses with all rows of a long list, read and sent in parts."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from crm_project.http.json import JSONRenderer, JSONRows

MAX_WHOLE = 1 << 20  # bytes of a response that is sent whole, with its length


def json_array(parts: Iterable[list[Any]]) -> HttpResponseBase:
    """Return the rows of all parts as one JSON array, streamed if it is long."""
    chunks, first, size = _chunks(parts), [], 0
    for chunk in chunks:
        first.append(chunk)
        size += len(chunk)
        if size > MAX_WHOLE:
            return StreamingHttpResponse(chain(first, chunks), content_type=JSONRenderer.media_type)
    return HttpResponse(b"".join(first), content_type=JSONRenderer.media_type)


def _chunks(parts: Iterable[list[Any]]) -> Iterator[bytes]:
    before = b"["
    for rows in parts:
        yield before + JSONRows.part(rows)
        before = b","
    yield b"[]" if before == b"[" else b"]"
