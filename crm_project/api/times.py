"""Moments on the wire: UTC, six digits, no zone suffix."""

from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """``YYYY-MM-DDTHH:MM:SS.ffffff`` of an aware moment, or of a naive one taken as UTC."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="microseconds")
