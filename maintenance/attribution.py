"""Names on records: who did something is stored as a user and as the user name at that time."""

from collections import Counter
from typing import Any

from activities.models import Activity
from crm_project.db.append_only import AppendOnlyQuerySet
from leads.models import Author, Consent, ImportRun, LeadChange
from users.audit import AccountEvent

# A label for counts, the model, and its columns of the user and of the name.
ATTRIBUTIONS: tuple[tuple[str, Any, str, str], ...] = (
    ("activities signed", Activity, "user", "user_name"),
    ("history entries signed", LeadChange, "user", "user_name"),
    ("consents signed", Consent, "user", "user_name"),
    ("names that created leads", Author, "user", "name"),
    ("imports signed", ImportRun, "user", "started_by"),
    ("imports signed", ImportRun, "undone_by_user", "undone_by"),
    ("account events signed", AccountEvent, "actor", "actor_name"),
    ("account events about the user", AccountEvent, "target_user", "target_name"),
)


def rename_user(user_id: int, name: str) -> Counter[str]:
    """Store ``name`` on every record attributed to a user; return the number of records by label."""
    counts: Counter[str] = Counter()
    for label, model, user, column in ATTRIBUTIONS:
        counts[label] += overwrite_names(model.objects.filter(**{user: user_id}), column, name)
    return counts


def overwrite_names(rows: Any, column: str, name: str) -> int:
    """Store ``name`` in ``column`` of ``rows``, also of audit logs; return the number of rows."""
    update = rows.overwrite if isinstance(rows, AppendOnlyQuerySet) else rows.update
    return int(update(**{column: name}))
