"""``Idempotency-Key``: a repeated POST gets the stored response of the first one and is not executed again.

The work and the response are committed in one transaction. While the first request runs, a second one gets a 409 on
PostgreSQL (by an advisory lock, which ends with the transaction). On SQLite, which has one writer at a time, it waits
and gets the stored response.

Responses are stored compressed. That of ten thousand leads has 3.5 MB of JSON and takes a few hundred kilobytes.
``BODY_MAX_BYTES`` and ``BULK_MAX_ROWS`` limit the size, because a response repeats the request's rows.
"""

import logging
import re
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, cast

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from crm_project.http.errors import ApiError, ValidationFailed
from crm_project.http.json import JSONRenderer, read
from crm_project.http.models import IdempotencyKey
from crm_project.validation import FieldError

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
META = "HTTP_IDEMPOTENCY_KEY"
MAX_LENGTH = 255
RETENTION = timedelta(hours=24)
STORED_HEADERS = ("Content-Type", "ETag", "Location")
COMPRESSION = 1  # zlib's fastest level: a tenth of the time of a bulk request

Handler = Callable[..., HttpResponseBase]

_printable = re.compile(r"[\x20-\x7e]*\Z")


class IdempotencyScope(NamedTuple):
    """The user, the route, and the SHA-256 of the key, which may contain personal data."""

    user_id: int
    route: str
    key: str

    @property
    def lock_id(self) -> int:
        """Return 64 bits for PostgreSQL's advisory lock."""
        return int.from_bytes(sha256(repr(self).encode()).digest()[:8], "big", signed=True)


def run_once(handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Return the stored response to an authenticated request, or the response of ``handler``, which is stored.

    Raises ``ValidationFailed`` for an invalid key or one that was used with another body, and ``ApiError`` (409) while
    the first request runs. Exceptions of ``handler`` are raised; such responses and those with errors are not stored.
    """
    scope = _scope(request)
    fingerprint = _fingerprint(request)
    try:
        with transaction.atomic():
            if not _lock(scope):
                running = "A request with this Idempotency-Key is still running"
                raise ApiError(status.HTTP_409_CONFLICT, running, {"Retry-After": "1"})
            if (stored := _find(scope)) is not None:
                return _replay(stored, request.META[META], fingerprint)
            response = _rendered(handler(request, *args, **kwargs))
            if isinstance(response, HttpResponse) and response.status_code < 400:
                _store(scope, fingerprint, response)
    except IntegrityError as error:  # foreign keys are checked at the end of the transaction
        logger.warning("the database rejected a request at its end", exc_info=error)
        raise ApiError(status.HTTP_400_BAD_REQUEST, "The database refused this; nothing was stored") from None
    return response


def expired(now: datetime) -> QuerySet[IdempotencyKey]:
    """Return the keys that have expired by ``now``."""
    return IdempotencyKey.objects.filter(created_at__lte=now - RETENTION)


def _scope(request: Request) -> IdempotencyScope:
    match = request.resolver_match
    assert match is not None  # a view is running
    return IdempotencyScope(
        cast(int, request.user.pk), match.route, sha256(_validate(request.META[META]).encode()).hexdigest()
    )


def _validate(key: str) -> str:
    if 0 < len(key) <= MAX_LENGTH and _printable.match(key):
        return key
    # The server passes on a key with other bytes as an empty one.
    kind = "string_too_short" if not key else "string_too_long" if len(key) > MAX_LENGTH else "value_error"
    message = f"String should have 1 to {MAX_LENGTH} printable ASCII characters"
    raise ValidationFailed([FieldError(kind, ("header", HEADER), message, key)])


def _fingerprint(request: Request) -> bytes:
    digest = sha256(f"{request.method} {request.get_full_path()}\n".encode())
    digest.update(read(request))
    return digest.digest()


def _lock(scope: IdempotencyScope) -> bool:
    """Return whether the lock is free, and take it. SQLite's ``IMMEDIATE`` transaction has waited for it already."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [scope.lock_id])
        return bool(cursor.fetchone()[0])


def _find(scope: IdempotencyScope) -> IdempotencyKey | None:
    stored = IdempotencyKey.objects.filter(**scope._asdict()).first()
    if stored is not None and stored.created_at <= timezone.now() - RETENTION:
        stored.delete()
        return None
    return stored


def _replay(stored: IdempotencyKey, key: str, fingerprint: bytes) -> HttpResponse:
    if bytes(stored.fingerprint) != fingerprint:
        message = "Value error, the key was used for another request; take a new one"
        raise ValidationFailed([FieldError("value_error", ("header", HEADER), message, key)])
    headers = {**stored.headers, "Idempotent-Replayed": "true"}
    return HttpResponse(zlib.decompress(stored.body), status=stored.status, headers=headers)


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Return the response with its final content, which is stored and sent."""
    if not isinstance(response, Response):
        return response
    headers = {**response.headers, "Content-Type": JSONRenderer.media_type}
    return HttpResponse(JSONRenderer().render(response.data), status=response.status_code, headers=headers)


def _store(scope: IdempotencyScope, fingerprint: bytes, response: HttpResponse) -> None:
    IdempotencyKey.objects.create(
        **scope._asdict(),
        fingerprint=fingerprint,
        status=response.status_code,
        headers={name: response.headers[name] for name in STORED_HEADERS if name in response.headers},
        body=zlib.compress(response.content, COMPRESSION),
        created_at=timezone.now(),
    )
