"""Whose names stand where: who did something is told by account, and by the name that it had as of writing."""

from collections import Counter
from typing import Any

from activities.models import Activity
from leads import changes
from leads.models import Author, ImportRun, LeadChange
from users import audit
from users.audit import AccountEvent

# What was signed, the model, and its columns of the account and of the name.
SIGNED: tuple[tuple[str, Any, str, str], ...] = (
    ("activities signed", Activity, "user", "user_name"),
    ("history entries signed", LeadChange, "user", "user_name"),
    ("names that created leads", Author, "user", "name"),
    ("imports signed", ImportRun, "user", "started_by"),
    ("imports signed", ImportRun, "undone_by_user", "undone_by"),
    ("account events signed", AccountEvent, "actor", "actor_name"),
    ("account events about the user", AccountEvent, "target_user", "target_name"),
)


def sign(user_id: int, name: str) -> Counter[str]:
    """Put another name under everything that an account has signed; returns how much there is of each."""
    counts: Counter[str] = Counter()
    for what, model, user, column in SIGNED:
        counts[what] += overwrite(model.objects.filter(**{user: user_id}), column, name)
    return counts


def overwrite(rows: Any, column: str, name: str) -> int:
    """The same in one column of these rows; returns how many there are."""
    if rows.model is AccountEvent:
        return audit.overwrite_names(rows, column, name)
    return changes.overwrite_names(rows, name) if rows.model is LeadChange else rows.update(**{column: name})
