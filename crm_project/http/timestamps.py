"""Timestamps of the API: UTC with six digits and no zone suffix."""

from datetime import UTC, datetime


def iso(timestamp: datetime) -> str:
    """Return ``YYYY-MM-DDTHH:MM:SS.ffffff``. A naive timestamp is in UTC."""
    if timestamp.tzinfo is not None:
        timestamp = timestamp.astimezone(UTC).replace(tzinfo=None)
    return timestamp.isoformat(timespec="microseconds")


def iso_sql(column: str, vendor: str) -> str:
    """Return the SQL for the same text. In Python, Django's time zones would take 9 µs for each value."""
    if vendor == "postgresql":
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    # SQLite stores text in UTC, without a fraction of zero.
    return f"replace({column}, ' ', 'T') || CASE length({column}) WHEN 19 THEN '.000000' ELSE '' END"


def day_sql(column: str, vendor: str) -> str:
    """Return the SQL for a date as ``YYYY-MM-DD``, whatever PostgreSQL's ``DateStyle`` is."""
    return f"to_char({column}, 'YYYY-MM-DD')" if vendor == "postgresql" else f"date({column})"
