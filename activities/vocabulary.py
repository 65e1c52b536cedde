"""The words that leads and activities use: statuses, sources, types of activities and tags, with their numbers."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from crm_project.db import sql
from crm_project.validation import normalized_key
from leads.validators import CLOSED_STATUSES, PIPELINE, split_tags

Row = dict[str, Any]

STATUSES = {
    "postgresql": "SELECT status, sum(leads) FROM leads_leadcount WHERE kind = 'status' GROUP BY status",
    "sqlite": "SELECT status, count(*) FROM leads_lead WHERE is_active GROUP BY status",
}
# All spellings of a source are one entry, in the spelling of its newest lead.
SOURCES = """
SELECT (
    SELECT source FROM leads_lead WHERE is_active AND source_key = counted.source_key
    ORDER BY created_at DESC, id DESC LIMIT 1
), counted.number FROM (
    SELECT source_key, count(*) AS number FROM leads_lead WHERE is_active GROUP BY source_key
) AS counted WHERE counted.source_key <> '' ORDER BY counted.source_key
"""
# Grouped by the whole column: there are fewer sets of tags than leads.
TAGS = "SELECT tags, count(*) FROM leads_lead WHERE is_active AND NOT (tag_keys = '') GROUP BY tags"
# The counts of all activities, less those of deleted leads: an index covers the former, and few leads are deleted.
TYPES = "SELECT activity_type, count(*) FROM activities_activity GROUP BY activity_type"
TYPES_OF_DELETED = """
SELECT activity_type, count(*) FROM activities_activity
WHERE lead_id IN (SELECT id FROM leads_lead WHERE NOT is_active AND activity_count > 0) GROUP BY activity_type
"""


def vocabulary() -> dict[str, list[Row]]:
    """Return the words that active leads and their activities use, and the statuses of the pipeline."""
    return {
        "statuses": _statuses(dict(sql.fetch(STATUSES[sql.VENDOR], []))),
        "sources": _entries(sql.fetch(SOURCES, [])),
        "activity_types": _entries(_types()),
        "tags": _tags(sql.fetch(TAGS, [])),
    }


def _statuses(counts: dict[str, Any]) -> list[Row]:
    others = sorted(status for status, count in counts.items() if status not in PIPELINE and count)
    return [
        {
            "value": status,
            "count": int(counts.get(status, 0)),
            "pipeline": status in PIPELINE,
            "open": status not in CLOSED_STATUSES,
        }
        for status in (*PIPELINE, *others)
    ]


def _tags(rows: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Return each tag in its most frequent spelling, with the number of leads."""
    spellings: dict[str, Counter[str]] = {}
    for stored, count in rows:
        for word in split_tags(stored):
            spellings.setdefault(normalized_key(word), Counter())[word] += count
    return [
        {"value": min(words, key=lambda word: (-words[word], word)), "count": words.total()}
        for _, words in sorted(spellings.items())
    ]


def _types() -> list[tuple[str, int]]:
    of_deleted = dict(sql.fetch(TYPES_OF_DELETED, []))
    counts = [(word, count - of_deleted.get(word, 0)) for word, count in sql.fetch(TYPES, [])]
    return sorted((word, count) for word, count in counts if count)


def _entries(counts: Iterable[tuple[Any, ...]]) -> list[Row]:
    return [{"value": word, "count": int(count)} for word, count in counts]
