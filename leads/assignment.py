"""Assignment of leads: each lead is given to the user with the fewest open leads."""

import heapq
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone

from leads import audit, validators
from leads.audit import Kind
from leads.models import Lead
from leads.querysets import LeadQuerySet
from leads.selection import Agreed, lock_selection
from users.audit import Actor

# The parameters are the ids of leads and of their new owners.
SET_OWNERS = {
    "postgresql": "UPDATE leads_lead SET owner_id = owners.owner_id, version = version + 1, updated_at = %s"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS owners(id, owner_id) WHERE leads_lead.id = owners.id",
    "sqlite": "UPDATE leads_lead SET owner_id = owners.owner_id, version = version + 1, updated_at = %s"
    " FROM (SELECT id.value AS id, owner.value AS owner_id FROM json_each(%s) AS id"
    " JOIN json_each(%s) AS owner ON owner.key = id.key) AS owners WHERE leads_lead.id = owners.id",
}


def assign(leads: LeadQuerySet, user_ids: Sequence[int], actor: Actor, agreed: Agreed | None = None) -> Counter[int]:
    """Give each lead to the user with the fewest open leads at that stored_at; return how many leads each user got.

    Among users with equally many, the first of ``user_ids`` gets the lead. All or nothing, in a constant number of
    statements. The ids of the leads are in memory. Raises what ``agreed.check`` raises.
    """
    now = timezone.now()
    with transaction.atomic(), lock_selection(leads) as chosen:
        if agreed is not None:
            agreed.check(chosen)
        rows = list(chosen.order_by("pk").values_list("pk", "owner_id", "status"))
        owners = _choose_owners(rows, _open_leads(user_ids))
        changed: dict[int, list[int | None]] = {
            pk: [old, new] for (pk, old, _), new in zip(rows, owners, strict=True) if new != old
        }
        _set_owners(changed, now)
        changes: dict[int, audit.Changes] = {pk: {"owner_id": change} for pk, change in changed.items()}
        audit.log_changes(changes, actor, Kind.CHANGED, now)
    return Counter(owners)


def _open_leads(user_ids: Sequence[int]) -> dict[int, int]:
    """Return how many open leads each user has, in the order of ``user_ids``."""
    owned = Lead.objects.active().open().filter(owner_id__in=user_ids).order_by().values("owner_id")
    counts = dict(owned.annotate(number=Count("pk")).values_list("owner_id", "number"))
    return {user_id: counts.get(user_id, 0) for user_id in user_ids}


def _choose_owners(rows: Sequence[tuple[int, int | None, str]], counts: dict[int, int]) -> list[int]:
    """Return the new owner of each lead of ``rows`` (id, owner, status); ``counts`` are the users' open leads.

    A lead does not count for its present owner while its new owner is chosen.
    """
    places = {user_id: place for place, user_id in enumerate(counts)}
    queue = [(count, places[user_id], user_id) for user_id, count in counts.items()]
    heapq.heapify(queue)
    owners = []

    def add(user_id: int, change: int) -> None:
        counts[user_id] += change
        heapq.heappush(queue, (counts[user_id], places[user_id], user_id))

    for _, old, status in rows:
        is_open = status not in validators.CLOSED_STATUSES
        if is_open and old in counts:
            add(old, -1)
        while queue[0][0] != counts[queue[0][2]]:  # an entry from before the user's count changed
            heapq.heappop(queue)
        owners.append(new := queue[0][2])
        if is_open:
            add(new, 1)
    return owners


def _set_owners(changed: dict[int, list[int | None]], now: datetime) -> None:
    ids, owners = list(changed), [new for _, new in changed.values()]
    stored_at = connection.ops.adapt_datetimefield_value(now)
    lists = [ids, owners] if connection.vendor == "postgresql" else [json.dumps(ids), json.dumps(owners)]
    with connection.cursor() as cursor:
        cursor.execute(SET_OWNERS[connection.vendor], [stored_at, *lists])
