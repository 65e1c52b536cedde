"""Deletion of what has expired in all apps; see ``crm_project/http/retention.py``."""

from collections.abc import Iterator

from django.utils import timezone

from crm_project.app_modules import modules
from crm_project.http.retention import Prune


def prune() -> Iterator[str]:
    """Delete what has expired in batches; yield the number of each kind, and at last of all."""
    now, total = timezone.now(), 0
    for kind, delete in expiring().items():
        deleted = delete(now)
        total += deleted
        yield f"{kind}: {deleted} deleted"
    yield f"in all: {total} deleted"


def expiring() -> dict[str, Prune]:
    """Return the ``EXPIRING`` of the ``retention`` modules of all apps."""
    return {kind: delete for module in modules("retention") for kind, delete in module.EXPIRING.items()}
