"""What may be thrown away once its time is over. An app that stores such things has a module ``retention`` as this one.

``EXPIRING`` names each kind with the function that deletes what of it has expired at a moment and says how many that
were; ``manage.py prune`` calls them all.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from crm_project.http import idempotency

BATCH = 1000  # rows a transaction; longer ones would make writers wait

Prune = Callable[[datetime], int]


def delete_in_batches(expired: QuerySet[Any]) -> int:
    """Delete the rows of ``expired``, ``BATCH`` at a time, each batch committed by itself; how many there were."""
    total = 0
    while keys := list(expired.order_by().values_list("pk", flat=True)[:BATCH]):
        deleted, _ = expired.model._default_manager.filter(pk__in=keys).delete()
        total += deleted
    return total


EXPIRING: dict[str, Prune] = {
    "idempotency keys": lambda now: delete_in_batches(idempotency.expired(now)),
    "sessions of earlier versions": lambda now: delete_in_batches(Session.objects.filter(expire_date__lte=now)),
}
