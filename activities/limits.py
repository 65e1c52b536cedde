"""Limits of the activities of one lead, so that no reply, page or merge exceeds the memory of a worker.

The bytes of text are summed when they are needed, with the lead's row locked; few activities cannot exceed the limit.
A stored sum would have to be updated by every write.
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
FEW = MAX_TOTAL_TEXT // LONGEST  # activities whose text cannot exceed the limit
TOO_MANY = f"A lead can have at most {MAX_ACTIVITIES:,} activities"
TOO_LONG = f"The activities of a lead can have at most {MAX_TOTAL_TEXT >> 20} MB of text"


class LeadFull(Exception):
    """The lead would have more activities, or more text in them, than it can have. The text is for people."""


class _Octets(Func):
    """The length of a text in bytes. SQLite has ``OCTET_LENGTH`` only from 3.43 on."""

    function = "OCTET_LENGTH"
    output_field = models.BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the SQL for SQLite."""
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def text_of(row: Mapping[str, Any]) -> int:
    """Return the bytes of text in the clean values of an activity."""
    return len(row["title"].encode()) + len((row.get("notes") or "").encode())


def stored_text(lead_ids: Collection[int]) -> dict[int, int]:
    """Return the bytes of text of the stored activities of these leads, by the lead's id. At most one query."""
    if not lead_ids:
        return {}
    activities: Any = apps.get_model("activities", "Activity")  # which imports this module
    total = Sum(_Octets(F("title")) + Coalesce(_Octets(F("notes")), Value(0)))
    found = activities.objects.of_leads(list(lead_ids)).order_by().values("lead_id").annotate(total=total)
    return {row["lead_id"]: int(row["total"]) for row in found}


def check(lead_ids: Collection[int], stored: int, new: Sequence[Mapping[str, Any]] = ()) -> None:
    """Raise ``LeadFull`` if the activities of these leads exceed a limit. Their rows must be locked.

    ``stored`` is the number of their activities, ``new`` the clean values of those that are to be stored.
    """
    if stored + len(new) > MAX_ACTIVITIES:
        raise LeadFull(TOO_MANY)
    room = MAX_TOTAL_TEXT - sum(map(text_of, new))
    if stored * LONGEST > room and sum(stored_text(lead_ids).values()) > room:
        raise LeadFull(TOO_LONG)
