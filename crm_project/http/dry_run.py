"""``dry_run=true``: a write is carried out and rolled back, so that the reply is that of the real call."""

from collections.abc import Callable
from typing import Any

import orjson
from django.db import transaction
from django.http.response import HttpResponseBase
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http import prefer
from crm_project.http.json import JSONRows
from crm_project.http.parameters import checked, flag

PARAMETER = "dry_run"
APPLIED = "dry-run"

Handler = Callable[..., HttpResponseBase]


def is_wanted(request: Request) -> bool:
    """Return whether the request asks for a dry run; raise a 422 for a value that is no truth value."""
    if (given := request.query_params.get(PARAMETER)) is None:
        return False
    return bool(checked(PARAMETER, given, flag))


def run(handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Return the response of ``handler`` without its effects; the ids of what it created are null."""
    with transaction.atomic():
        response = handler(request, *args, **kwargs)
        transaction.set_rollback(True)
    if isinstance(response, Response):
        if response.status_code == status.HTTP_201_CREATED:
            response.data = _without_ids(response.data)
            for name in ("Location", "ETag"):
                response.headers.pop(name, None)
        prefer.applied(response, APPLIED)
    return response


def _without_ids(data: Any) -> Any:
    """Return the created rows with null for their ids."""
    if isinstance(data, JSONRows):
        data = orjson.loads(bytes(data))
    rows = data if isinstance(data, list) else [data]
    for row in rows:
        if isinstance(row, dict) and "id" in row:
            row["id"] = None
    return data
