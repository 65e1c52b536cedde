"""Cursors: where a walk through a list stands, as an opaque text for the parameter ``after``.

A cursor belongs to the filters and the order that it was made under; under others it is refused.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from django.http import QueryDict

from crm_project.db.change_time import to_microseconds
from crm_project.validation import MAX_BIGINT, InvalidValue, check_text

MAX_LENGTH = 4000  # characters
LATEST = to_microseconds(datetime.max.replace(tzinfo=UTC))


class Cursor(NamedTuple):
    """The last row of a page: its group, sort key and id; and the ``synced_until`` of the walk's first page."""

    group: int
    key: str | int
    row_id: int
    synced_until: int | None


def walk_of(query: QueryDict, names: Collection[str], order: str) -> str:
    """Return a digest of the given parameters among ``names``, and of the order, which identifies a list."""
    given = sorted((name, sorted(filter(None, query.getlist(name)))) for name in names if name in query)
    return sha256(repr(([pair for pair in given if pair[1]], order)).encode()).hexdigest()[:16]


def encode(cursor: Cursor, walk: str) -> str:
    """Return the text of a cursor."""
    return urlsafe_b64encode(orjson.dumps([walk, *cursor])).decode().rstrip("=")


def decode(given: str, walk: str, key_type: type) -> Cursor:
    """Return the cursor of a text. Raise ``InvalidValue`` for a text that is no cursor of this ``walk``."""
    try:
        if len(given) > MAX_LENGTH:
            raise ValueError
        padded = given + "=" * (-len(given) % 4)
        of_walk, *values = orjson.loads(urlsafe_b64decode(padded.encode("ascii")))
        cursor = Cursor(*values)
        if not _is_valid(cursor, key_type):
            raise ValueError
    except (ValueError, TypeError):
        raise InvalidValue("value_error", "Value error, not a cursor; take the one of the last page's Link") from None
    if of_walk != walk:
        raise InvalidValue("value_error", "Value error, the cursor is of another walk: with other filters or order")
    return cursor


def _is_valid(cursor: Cursor, key_type: type) -> bool:
    """Return whether each part is a value that the database and a date can have."""
    numbers = [cursor.group, cursor.row_id, cursor.synced_until or 0]
    if key_type is int:
        numbers.append(cursor.key)  # type: ignore[arg-type]
    elif isinstance(cursor.key, str):
        check_text(cursor.key)
    return (
        type(cursor.key) is key_type
        and all(type(number) is int and 0 <= number <= MAX_BIGINT for number in numbers)
        and (cursor.synced_until or 0) <= LATEST
    )


def link(path: str, query: QueryDict, changes: Mapping[str, Any], relation: str) -> str:
    """Return a ``Link`` to the same list with other parameters, as an absolute path."""
    copied = query.copy()
    for name, value in changes.items():
        copied[name] = value
    return f'<{path}?{copied.urlencode()}>; rel="{relation}"'
