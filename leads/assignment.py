"""Dealing leads out to users: each lead goes to whoever has the fewest open leads."""

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

# From pairs of a lead's and its new owner's id.
DEAL_OUT = {
    "postgresql": "UPDATE leads_lead SET owner_id = dealt.owner_id, version = version + 1, updated_at = %s"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS dealt(id, owner_id) WHERE leads_lead.id = dealt.id",
    "sqlite": "UPDATE leads_lead SET owner_id = dealt.owner_id, version = version + 1, updated_at = %s"
    " FROM (SELECT id.value AS id, owner.value AS owner_id FROM json_each(%s) AS id"
    " JOIN json_each(%s) AS owner ON owner.key = id.key) AS dealt WHERE leads_lead.id = dealt.id",
}


def assign(leads: LeadQuerySet, user_ids: Sequence[int], actor: Actor, agreed: Agreed | None = None) -> Counter[int]:
    """Give each lead to whoever of these users has the fewest open leads at that moment; return how many each got.

    Among users with equally many, the first of ``user_ids`` gets the lead. All or nothing, in a constant number of
    statements; the ids of the leads are in memory. Raises what ``agreed.check`` raises where the leads are not those
    that were agreed to.
    """
    now = timezone.now()
    with transaction.atomic(), lock_selection(leads) as chosen:
        if agreed is not None:
            agreed.check(chosen)
        rows = list(chosen.order_by("pk").values_list("pk", "owner_id", "status"))
        dealt = _deal(rows, _open_leads(user_ids))
        changed: dict[int, list[int | None]] = {
            pk: [old, new] for (pk, old, _), new in zip(rows, dealt, strict=True) if new != old
        }
        _write(changed, now)
        changes: dict[int, audit.Changes] = {pk: {"owner_id": change} for pk, change in changed.items()}
        audit.log_changes(changes, actor, Kind.CHANGED, now)
    return Counter(dealt)


def _open_leads(user_ids: Sequence[int]) -> dict[int, int]:
    """How many open leads each user has, in the order of ``user_ids``."""
    owned = Lead.objects.active().open().filter(owner_id__in=user_ids).order_by().values("owner_id")
    counts = dict(owned.annotate(number=Count("pk")).values_list("owner_id", "number"))
    return {user_id: counts.get(user_id, 0) for user_id in user_ids}


def _deal(rows: Sequence[tuple[int, int | None, str]], counts: dict[int, int]) -> list[int]:
    """Return the new owner of each lead of ``rows`` (id, owner, status); ``counts`` are the users' open leads.

    The lead itself counts for nobody while it is dealt.
    """
    places = {user_id: place for place, user_id in enumerate(counts)}
    queue = [(count, places[user_id], user_id) for user_id, count in counts.items()]
    heapq.heapify(queue)
    dealt = []

    def count(user_id: int, more: int) -> None:
        counts[user_id] += more
        heapq.heappush(queue, (counts[user_id], places[user_id], user_id))

    for _, old, status in rows:
        is_open = status not in validators.CLOSED_STATUSES
        if is_open and old in counts:
            count(old, -1)
        while queue[0][0] != counts[queue[0][2]]:  # an entry from before the user's count changed
            heapq.heappop(queue)
        dealt.append(new := queue[0][2])
        if is_open:
            count(new, 1)
    return dealt


def _write(changed: dict[int, list[int | None]], now: datetime) -> None:
    ids, owners = list(changed), [new for _, new in changed.values()]
    moment = connection.ops.adapt_datetimefield_value(now)
    lists = [ids, owners] if connection.vendor == "postgresql" else [json.dumps(ids), json.dumps(owners)]
    with connection.cursor() as cursor:
        cursor.execute(DEAL_OUT[connection.vendor], [moment, *lists])
