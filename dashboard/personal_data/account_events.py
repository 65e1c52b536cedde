"""A person in the audit log of accounts: what is exported and erased of it, and the entries that say so."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from crm_project import values
from dashboard.personal_data.finding import Person
from leads.erasing import ERASED
from users.audit import (
    IDENTITY,
    AccountEvent,
    Action,
    Changes,
    Channel,
    log_account_event,
    rewrite,
)
from users.models import User

NAMED = 100  # leads that an entry lists
ADDRESSES = ["username", "email"]


def log(action: Action, whom: Person, asker: User | None) -> None:
    """Log that somebody exported or erased a person's data: an entry for each account, or one about their leads.

    ``asker`` is ``None`` for an operator at the command line.
    """
    after = {"leads": len(whom.lead_ids), "lead_ids": list(whom.lead_ids[:NAMED])}
    channel = Channel.ADMIN if asker else Channel.CLI
    for user in whom.users or (None,):
        log_account_event(action, actor=asker, target=user, channel=channel, after=after)


def entries(whom: Person) -> Iterator[dict[str, Any]]:
    """The entries that a person's accounts wrote or are about; of entries about others, the person's address alone."""
    own = {user.pk for user in whom.users}
    rows = AccountEvent.objects.order_by("pk").values(
        *("id", "at", "action", "channel", "actor_id", "actor_name", "target_user_id", "target_name", "changes")
    )
    for row in rows.iterator():
        if row["target_user_id"] in own:
            yield row
        elif row["actor_id"] in own:  # what was changed is about somebody else
            yield {key: row[key] for key in ("id", "at", "action", "channel", "actor_name")}
        elif _without_address(row["changes"], whom) != row["changes"]:
            yield {"id": row["id"], "at": row["at"], "changes": _address_alone(row["changes"], whom)}


def erase(whom: Person) -> int:
    """Put ``ERASED`` in the place of what the log holds of a person; return the number of entries that held any.

    Names of the accounts that wrote the entries, or that these are about, are overwritten with all their signatures.
    The addresses of others' accounts are looked for in all entries: no index finds them.
    """
    about = AccountEvent.objects.filter(target_user__in=whom.users)
    with_address = Q(changes__has_any_keys=ADDRESSES)
    others = AccountEvent.objects.filter(with_address).exclude(target_user__in=[user.pk for user in whom.users])
    return rewrite(about, _without_person) + rewrite(others, lambda changes: _without_address(changes, whom))


def _without_person(changes: Changes) -> Changes:
    return {
        field: [ERASED if value else value for value in pair] if field in IDENTITY else pair
        for field, pair in changes.items()
    }


def _without_address(changes: Changes, whom: Person) -> Changes:
    return {
        field: [ERASED if _is_theirs(value, whom) else value for value in pair] if field in ADDRESSES else pair
        for field, pair in changes.items()
    }


def _address_alone(changes: Changes, whom: Person) -> Changes:
    return {
        field: [value if _is_theirs(value, whom) else None for value in changes[field]]
        for field in ADDRESSES
        if field in changes
    }


def _is_theirs(address: object, whom: Person) -> bool:
    return isinstance(address, str) and values.key(address) == whom.email_key
