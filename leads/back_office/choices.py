"""The statuses and sources that leads really have, for people to choose from."""

from typing import NamedTuple

from django.db import connection

from leads.validators import PIPELINE

MAX = 100  # words to choose from; an office has a dozen


class Choice(NamedTuple):
    """A stored form, and how the newest lead that has it spells it."""

    key: str
    spelling: str


# Skips from one word to the next in the index: as many steps as there are words, whatever the number of leads.
WORDS = f"""
WITH RECURSIVE word(key, place) AS (
    SELECT min({{column}}), 1 FROM leads_lead WHERE is_active
    UNION ALL
    SELECT (SELECT min({{column}}) FROM leads_lead WHERE is_active AND {{column}} > word.key), place + 1
    FROM word WHERE word.key IS NOT NULL AND place < {MAX:d}
)"""
# How the newest lead that has the word ``key`` of the statement around it spells it.
SPELLING = """(
    SELECT lead.{spelling} FROM leads_lead AS lead
    WHERE is_active AND lead.{column} = key ORDER BY created_at DESC, id DESC LIMIT 1
)"""
IN_USE = f"{WORDS} SELECT key, {SPELLING} FROM word WHERE key IS NOT NULL"


def statuses() -> list[str]:
    """The pipeline's statuses in its order, then the others in use by name."""
    others = {word.key for word in _in_use("status", "status")} - set(PIPELINE)
    return [*PIPELINE, *sorted(others)]


def sources() -> list[Choice]:
    """The sources in use, by name; ``""`` is none."""
    return sorted(_in_use("source_key", "source"), key=lambda word: word.spelling.casefold())


def _in_use(column: str, spelling: str) -> list[Choice]:
    with connection.cursor() as cursor:
        cursor.execute(IN_USE.format(column=column, spelling=spelling))
        return [Choice(*found) for found in cursor.fetchall()]
