"""The OpenAPI document, and the pages of Swagger UI and ReDoc."""

from functools import cache
from threading import Lock

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

# ReDoc's search uses a worker from a blob. It adds two style elements, one of which is empty and filled by script; the
# hashes allow both.
REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
PAGES_POLICY = (
    f"default-src 'self'; style-src 'self' {REDOC_STYLES}; img-src 'self' data:; worker-src blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_generating = Lock()  # the generator keeps its state in globals


@cache
def _document() -> bytes:
    return orjson.dumps(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """``GET /openapi.json``: return the document, which each process generates once."""
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
    """Return a page that loads nothing from other sites."""
    response = render(request, template)
    response["Content-Security-Policy"] = PAGES_POLICY
    return response
