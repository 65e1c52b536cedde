"""How much the activities of one lead may come to, so that no reply, page or merge outgrows a worker's memory.

The text is added up where it is needed: with few activities it cannot be too much, and many are read through the index
of their lead while its row is locked. A sum that is stored beside the count would have to be updated by every write.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import F, Func, Sum, Value
from django.db.models.functions import Coalesce

from activities.validators import MAX_TITLE
from leads.validators import MAX_TEXT

MAX_ACTIVITIES = 10_000
MAX_TOTAL_TEXT = 16 << 20  # bytes of titles and notes, in UTF-8
LONGEST = 4 * (MAX_TITLE + MAX_TEXT)  # bytes of text of one activity
FEW = MAX_TOTAL_TEXT // LONGEST  # activities whose text fits, whatever it is
TOO_MANY = f"A lead can have at most {MAX_ACTIVITIES:,} activities"
TOO_LONG = f"The activities of a lead can have at most {MAX_TOTAL_TEXT >> 20} MB of text"


class LeadFull(Exception):
    """More activities, or more text in them, than one lead can have: a sentence for people."""


class _Octets(Func):
    """The length of a text in bytes. SQLite has a function of that name from 3.43 on."""

    function = "OCTET_LENGTH"
    output_field = models.BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The same on SQLite."""
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def text_of(row: Mapping[str, Any]) -> int:
    """The bytes of text of one activity's clean values."""
    return len(row["title"].encode()) + len((row.get("notes") or "").encode())


def stored_text(lead_ids: Collection[int]) -> dict[int, int]:
    """The bytes of text of the stored activities of these leads, by the lead's id; at most one query."""
    if not lead_ids:
        return {}
    activities: Any = apps.get_model("activities", "Activity")  # which imports this module
    total = Sum(_Octets(F("title")) + Coalesce(_Octets(F("notes")), Value(0)))
    found = activities.objects.of_leads(list(lead_ids)).order_by().values("lead_id").annotate(total=total)
    return {row["lead_id"]: int(row["total"]) for row in found}


def check(lead_ids: Collection[int], stored: int, new: Sequence[Mapping[str, Any]] = ()) -> None:
    """Raise ``LeadFull`` where ``stored`` activities of these leads, whose rows are locked, and new ones are too much.

    ``new`` are the clean values of those that are still to be stored.
    """
    if stored + len(new) > MAX_ACTIVITIES:
        raise LeadFull(TOO_MANY)
    room = MAX_TOTAL_TEXT - sum(map(text_of, new))
    if stored * LONGEST > room and sum(stored_text(lead_ids).values()) > room:
        raise LeadFull(TOO_LONG)
