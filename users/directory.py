"""``GET /api/users``: the users of the office, for pickers.

An office has few users, so all are read, and sorted and searched with the same rules on both databases.
"""

from typing import Any

from crm_project import validation
from users import permissions
from users.models import User

Row = dict[str, Any]
SHOWN = ("id", "first_name", "last_name", "is_active")


def find(asker: User, active: bool | None, words: list[str]) -> list[Row]:
    """Return the users by name. ``words``, which are normalized, all occur in what ``asker`` is shown of each.

    Managers are shown user names, others only their own.
    """
    users = User.objects.order_by("pk")
    if active is not None:
        users = users.filter(is_active=active)
    is_manager = permissions.is_manager(asker)
    rows = []
    for *values, username in users.values_list(*SHOWN, "username").iterator():
        row = dict(zip(SHOWN, values, strict=True))
        if is_manager or row["id"] == asker.pk:
            row["username"] = username
        name = _key(row["last_name"], row["first_name"])
        text = f"{name} {_key(row.get('username', ''))}"
        if all(word in text for word in words):
            rows.append((name, row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _key(*parts: str) -> str:
    return validation.normalize(" ".join(parts)).strip()
