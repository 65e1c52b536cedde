"""Whose names stand where: who did something is told by account, and by the name that it had as of writing."""

from collections import Counter
from typing import Any

from activities.models import Activity
from leads import changes
from leads.models import Author, ImportRun, LeadChange

# What was signed, the model, and its columns of the account and of the name.
SIGNED: tuple[tuple[str, Any, str, str], ...] = (
    ("activities signed", Activity, "user", "user_name"),
    ("history entries signed", LeadChange, "user", "user_name"),
    ("names that created leads", Author, "user", "name"),
    ("imports signed", ImportRun, "user", "started_by"),
    ("imports signed", ImportRun, "undone_by_user", "undone_by"),
)


def sign(user_id: int, name: str) -> Counter[str]:
    """Put another name under everything that an account has signed; returns how much there is of each."""
    counts: Counter[str] = Counter()
    for what, model, user, column in SIGNED:
        counts[what] += overwrite(model.objects.filter(**{user: user_id}), column, name)
    return counts


def overwrite(rows: Any, column: str, name: str) -> int:
    """The same in one column of these rows; returns how many there are."""
    return changes.overwrite_names(rows, name) if rows.model is LeadChange else rows.update(**{column: name})
