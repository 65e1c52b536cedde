"""The statuses and sources in use, for drop-down lists."""

from typing import NamedTuple

from django.db import connection

from leads.validators import PIPELINE

MAX = 100  # choices; an office has a dozen


class Choice(NamedTuple):
    """A stored value, and its spelling in the newest lead that has it."""

    key: str
    spelling: str


# Skips from one value to the next in the index: its cost depends on the number of values, not of leads.
VALUES = f"""
WITH RECURSIVE value(key, place) AS (
    SELECT min({{column}}), 1 FROM leads_lead WHERE is_active
    UNION ALL
    SELECT (SELECT min({{column}}) FROM leads_lead WHERE is_active AND {{column}} > value.key), place + 1
    FROM value WHERE value.key IS NOT NULL AND place < {MAX:d}
)"""
# The spelling of the newest lead that has the value ``key`` of the surrounding statement.
SPELLING = """(
    SELECT lead.{spelling} FROM leads_lead AS lead
    WHERE is_active AND lead.{column} = key ORDER BY created_at DESC, id DESC LIMIT 1
)"""
IN_USE = f"{VALUES} SELECT key, {SPELLING} FROM value WHERE key IS NOT NULL"


def statuses() -> list[str]:
    """Return the statuses of the pipeline in order, then the others in use by name."""
    others = {choice.key for choice in _in_use("status", "status")} - set(PIPELINE)
    return [*PIPELINE, *sorted(others)]


def sources() -> list[Choice]:
    """Return the sources in use by name; ``""`` means none."""
    return sorted(_in_use("source_key", "source"), key=lambda choice: choice.spelling.casefold())


def _in_use(column: str, spelling: str) -> list[Choice]:
    with connection.cursor() as cursor:
        cursor.execute(IN_USE.format(column=column, spelling=spelling))
        return [Choice(*row) for row in cursor.fetchall()]
