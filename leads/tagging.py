"""Tags of many leads at once."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from crm_project.db import bulk
from crm_project.validation import normalized_key
from leads import audit
from leads.audit import Kind
from leads.models import Lead
from leads.querysets import LeadQuerySet, apply_change
from leads.selection import Agreed, lock_selection
from leads.validators import MAX_TAGS, join_tags, split_tags
from users.audit import Actor

BATCH = 1000  # leads read and written at a time
COLUMNS = ("id", "tags", "tag_keys", "version", "updated_at")


class TooManyTags(Exception):
    """A lead would have more tags than one can have."""

    def __init__(self, lead_id: int) -> None:
        super().__init__(f"lead {lead_id} would have more than {MAX_TAGS} tags")


def change_tags(
    leads: LeadQuerySet, add: Sequence[str], remove: Sequence[str], actor: Actor, agreed: Agreed | None = None
) -> int:
    """Add and remove clean tags; return how many leads that changed. A tag that is removed and added is added.

    All or nothing, ``BATCH`` leads at a time. Raises ``TooManyTags``, and what ``agreed.check`` raises where the leads
    are not those that were agreed to.
    """
    now, removed, changed, last = timezone.now(), {*map(normalized_key, remove)}, 0, 0
    with transaction.atomic(), lock_selection(leads) as chosen:
        if agreed is not None:
            agreed.check(chosen)
        while batch := list(chosen.filter(pk__gt=last).order_by("pk").only(*COLUMNS)[:BATCH]):
            last = batch[-1].pk
            changes: dict[int, audit.Changes] = {}
            different = []
            for lead in batch:
                before, after = lead.tags, _changed(lead, add, removed)
                if after != before:
                    apply_change(lead, {"tags": after}, now)
                    changes[lead.pk] = {"tags": [before, after]}
                    different.append(lead)
            bulk.update(Lead, different, COLUMNS[1:])
            audit.log_changes(changes, actor, Kind.CHANGED, now)
            changed += len(different)
    return changed


def _changed(lead: Lead, add: Sequence[str], removed: set[str]) -> str:
    words = [word for word in split_tags(lead.tags) if normalized_key(word) not in removed]
    after = join_tags([*words, *add])
    if len(split_tags(after)) > MAX_TAGS and after != lead.tags:
        raise TooManyTags(lead.pk)
    return after
