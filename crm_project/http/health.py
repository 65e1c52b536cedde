"""Health checks for load balancers and monitoring."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from crm_project.http import readiness
from crm_project.http.errors import RETRY_AFTER, reply
from crm_project.http.middleware import BUSY
from crm_project.operations.models import ScheduledJob

JSON = "application/json"

View = Callable[[HttpRequest], HttpResponse]


def get_only(view: View) -> View:
    """Return ``view`` for GET and HEAD; other methods get a 405."""

    @csrf_exempt  # a POST gets the 405, not an error about its CSRF token
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return view(request)
        response = reply(405, "Method Not Allowed")
        response["Allow"] = "GET, HEAD"
        return response

    return checked


@get_only
def health(request: HttpRequest) -> HttpResponse:
    """``GET /`` and ``GET /health/live``: return ``{"status": "ok"}`` without using the database."""
    return HttpResponse(b'{"status":"ok"}', content_type=JSON)


@get_only
def ready(request: HttpRequest) -> HttpResponse:
    """``GET /health/ready``: return a 503 with the reason if requests should go to another server.

    ``{"status": "busy"}`` is a 200: new requests wait for those that run, but not for long. ``?details`` adds the last
    runs of the scheduled jobs, with a query of its own.
    """
    if reason := readiness.unready_because():
        return _unready(reason)
    body: dict[str, Any] = {"status": "busy" if request.META.get(BUSY) else "ok"}
    if "details" in request.GET:
        try:
            body["jobs"] = ScheduledJob.objects.last_runs()
        except Error:
            return _unready("The database does not answer")
    return HttpResponse(orjson.dumps(body), content_type=JSON)


def _unready(reason: str) -> HttpResponse:
    response = reply(503, reason)
    response["Retry-After"] = RETRY_AFTER
    return response
