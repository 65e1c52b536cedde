"""Moments on the wire: UTC, six digits, no zone suffix."""

from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SS.ffffff`` of an aware moment, or of a naive one taken as UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")


def iso_sql(column: str, vendor: str) -> str:
    """SQL for the same text, where the database writes it faster: Django's time zones cost 9 µs a value in Python."""
    if vendor == "postgresql":
        return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
    # SQLite holds text in UTC, without the fraction where that is zero.
    return f"replace({column}, ' ', 'T') || CASE length({column}) WHEN 19 THEN '.000000' ELSE '' END"


def day_sql(column: str, vendor: str) -> str:
    """SQL for a day as ``YYYY-MM-DD``, whatever PostgreSQL's ``DateStyle``."""
    return f"to_char({column}, 'YYYY-MM-DD')" if vendor == "postgresql" else f"date({column})"
