"""The pages of the API's documentation: the OpenAPI document, and what shows it."""

from functools import cache
from threading import Lock

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

# ReDoc searches in a worker made of a blob, and makes two elements of style: an empty one that it fills by script, and
# one of fixed text; both are let in by their hashes.
REDOCS_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
PAGES_POLICY = (
    f"default-src 'self'; style-src 'self' {REDOCS_STYLES}; img-src 'self' data:; worker-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_generating = Lock()  # the generator keeps its state in globals


@cache
def _document() -> bytes:
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """``GET /openapi.json``: generated once in a process."""
    with _generating:
        document = _document()
    return HttpResponse(document, content_type="application/json")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """``GET /docs``: Swagger UI."""
    return _page(request, "api/docs.html")


@require_safe
def redoc(request: HttpRequest) -> HttpResponse:
    """``GET /redoc``: ReDoc."""
    return _page(request, "api/redoc.html")


def _page(request: HttpRequest, template: str) -> HttpResponse:
    """A page that loads nothing from elsewhere."""
    response = render(request, template)
    response["Content-Security-Policy"] = PAGES_POLICY
    return response
