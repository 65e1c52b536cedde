"""``GET /api/users``: the users of the office, for pickers.

An office has few users, so all are read, and sorted and searched with the same rules on both databases.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any

from crm_project import validation
from users import permissions
from users.models import User

Row = dict[str, Any]
NAME = ("username", "first_name", "last_name")
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


def active_among(user_ids: Collection[int]) -> set[int]:
    """Return those of the ids that are of active users."""
    return set(User.objects.filter(pk__in=user_ids, is_active=True).values_list("pk", flat=True))


def ids_by_name() -> dict[str, int]:
    """Return the ids of active users by every (normalized) text that names one: user name, email or full name.

    A full name of several users names none of them, and an address no user whose user name another one has.
    """
    users = User.objects.filter(is_active=True).order_by("pk")
    rows = list(users.values_list("pk", "username_key", "email_key", "first_name", "last_name"))
    full_names = Counter(_key(first, last) for *_, first, last in rows)
    found = {name: pk for pk, *_, first, last in rows if full_names[name := _key(first, last)] == 1}
    found |= {email: pk for pk, _, email, *_ in rows if email}
    found |= {username: pk for pk, username, *_ in rows}
    found.pop("", None)  # no name at all
    return found


def names(user_ids: Collection[int]) -> dict[int, str]:
    """Return the names of users by their ids."""
    return {user.pk: user.name for user in User.objects.filter(pk__in=user_ids).only(*NAME)}


def choices(limit: int = 200) -> list[tuple[str, str]]:
    """Return the ids and names of active users, by name, for drop-down lists."""
    users = User.objects.filter(is_active=True).order_by("username_key").only(*NAME)[:limit]
    return sorted(((str(user.pk), user.name) for user in users), key=lambda choice: _key(choice[1]))


def _key(*parts: str) -> str:
    return validation.normalize(" ".join(parts)).strip()
