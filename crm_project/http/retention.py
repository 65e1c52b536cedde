"""Deletion of expired data. Each app that stores such data has a module ``retention`` with a dict ``EXPIRING``.

``EXPIRING`` has, by the name of the data, a function that deletes what has expired by a time and returns the number.
``manage.py prune`` calls all of them.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from crm_project.http import idempotency

BATCH = 1000  # rows of a transaction; longer transactions would block writers

Prune = Callable[[datetime], int]


def delete_in_batches(expired: QuerySet[Any]) -> int:
    """Delete the rows of ``expired`` in batches, each in a transaction; return the number of rows."""
    total = 0
    while keys := list(expired.order_by().values_list("pk", flat=True)[:BATCH]):
        deleted, _ = expired.model._default_manager.filter(pk__in=keys).delete()
        total += deleted
    return total


EXPIRING: dict[str, Prune] = {
    "idempotency keys": lambda now: delete_in_batches(idempotency.expired(now)),
    "sessions of earlier versions": lambda now: delete_in_batches(Session.objects.filter(expire_date__lte=now)),
}
