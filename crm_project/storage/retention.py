"""Deletion of files whose writing was cut off; see ``crm_project/http/retention.py``."""

from datetime import datetime, timedelta

from crm_project.http.retention import Prune, delete_in_batches
from crm_project.storage.database import incomplete

MAX_WRITING = timedelta(hours=1)


def delete_incomplete(now: datetime) -> int:
    """Delete the files whose writing began an hour before ``now`` and has not ended; return their number."""
    return delete_in_batches(incomplete(now - MAX_WRITING))


EXPIRING: dict[str, Prune] = {"incomplete files": delete_incomplete}
