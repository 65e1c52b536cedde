"""``Idempotency-Key``: a POST that is sent again, because its reply got lost, is answered again and not done again.

Work and reply are committed together, so that a process killed at any moment leaves both or neither. While the first
request runs, PostgreSQL refuses a second one at once (an advisory lock, which dies with its transaction); SQLite, whose
writers queue up anyway, lets it wait and then repeats the reply.

A bulk reply is kept whole, compressed: of ten thousand leads, 3.5 MB of JSON, a few hundred kilobytes stay for the day.
How large one can get is bounded by ``BODY_MAX_BYTES`` and ``BULK_MAX_ROWS``, since a reply repeats what was sent.
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
LONGEST = 255
RETENTION = timedelta(hours=24)
STORED_HEADERS = ("Content-Type", "ETag", "Location")
COMPRESSION = 1  # zlib's fastest: a tenth of the time of the rest of a bulk request

Handler = Callable[..., HttpResponseBase]

_printable = re.compile(r"[\x20-\x7e]*\Z")


class IdempotencyScope(NamedTuple):
    """Whose request it is, to which route, and the SHA-256 of the key that it came with: in keys there may be names."""

    user_id: int
    route: str
    key: str

    @property
    def number(self) -> int:
        """64 bits for PostgreSQL's lock."""
        return int.from_bytes(sha256(repr(self).encode()).digest()[:8], "big", signed=True)


def run_once(handler: Handler, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """The reply of ``handler`` to an authenticated request with the header, or the reply it gave to the same before.

    Raises ``Unprocessable`` for a bad key and for one that came with another body, ``Refused`` (409) while the first
    request still runs. What ``handler`` raises is raised on; nothing is kept then, nor of a reply of 400 or above.
    """
    claim = _claim(request)
    fingerprint = _fingerprint(request)
    try:
        with transaction.atomic():
            if not _is_ours(claim):
                running = "A request with this Idempotency-Key is still running"
                raise ApiError(status.HTTP_409_CONFLICT, running, {"Retry-After": "1"})
            if (kept := _kept(claim)) is not None:
                return _repeated(kept, request.META[META], fingerprint)
            reply = _rendered(handler(request, *args, **kwargs))
            if isinstance(reply, HttpResponse) and reply.status_code < 400:
                _keep(claim, fingerprint, reply)
    except IntegrityError as error:  # constraints between tables are looked at when the transaction ends
        logger.warning("the database refused a request at its end", exc_info=error)
        raise ApiError(status.HTTP_400_BAD_REQUEST, "The database refused this; nothing was stored") from None
    return reply


def expired(now: datetime) -> QuerySet[IdempotencyKey]:
    """Keys whose day is over."""
    return IdempotencyKey.objects.filter(created_at__lte=now - RETENTION)


def _claim(request: Request) -> IdempotencyScope:
    match = request.resolver_match
    assert match is not None  # a view is running
    return IdempotencyScope(
        cast(int, request.user.pk), match.route, sha256(_checked(request.META[META]).encode()).hexdigest()
    )


def _checked(key: str) -> str:
    if not key:
        problem = FieldError("string_too_short", ("header", HEADER), "String should have at least 1 character", key)
    elif len(key) > LONGEST:
        message = f"String should have at most {LONGEST} characters"
        problem = FieldError("string_too_long", ("header", HEADER), message, key)
    elif not _printable.match(key):
        problem = FieldError("value_error", ("header", HEADER), "Value error, printable ASCII characters only", key)
    else:
        return key
    raise ValidationFailed([problem])


def _fingerprint(request: Request) -> bytes:
    digest = sha256(f"{request.method} {request.get_full_path()}\n".encode())
    digest.update(read(request))
    return digest.digest()


def _is_ours(claim: IdempotencyScope) -> bool:
    """Whether nobody else is at it. On SQLite the transaction, which is ``IMMEDIATE``, has waited until nobody was."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [claim.number])
        return bool(cursor.fetchone()[0])


def _kept(claim: IdempotencyScope) -> IdempotencyKey | None:
    kept = IdempotencyKey.objects.filter(**claim._asdict()).first()
    if kept is not None and kept.created_at <= timezone.now() - RETENTION:
        kept.delete()
        return None
    return kept


def _repeated(kept: IdempotencyKey, key: str, fingerprint: bytes) -> HttpResponse:
    if bytes(kept.fingerprint) != fingerprint:
        message = "Value error, the key was used for another request; take a new one"
        raise ValidationFailed([FieldError("value_error", ("header", HEADER), message, key)])
    headers = {**kept.headers, "Idempotent-Replayed": "true"}
    return HttpResponse(zlib.decompress(kept.body), status=kept.status, headers=headers)


def _rendered(reply: HttpResponseBase) -> HttpResponseBase:
    """The bytes that are kept are those that are sent."""
    if not isinstance(reply, Response):
        return reply
    headers = {**reply.headers, "Content-Type": JSONRenderer.media_type}
    return HttpResponse(JSONRenderer().render(reply.data), status=reply.status_code, headers=headers)


def _keep(claim: IdempotencyScope, fingerprint: bytes, reply: HttpResponse) -> None:
    IdempotencyKey.objects.create(
        **claim._asdict(),
        fingerprint=fingerprint,
        status=reply.status_code,
        headers={name: reply.headers[name] for name in STORED_HEADERS if name in reply.headers},
        body=zlib.compress(reply.content, COMPRESSION),
        created_at=timezone.now(),
    )
