"""Activities on the wire."""

from typing import Any

from activities.models import Activity
from crm_project.api.times import iso

OUT = (
    "id",
    "lead_id",
    "user_id",
    "activity_type",
    "title",
    "notes",
    "duration",
    "activity_date",
    "created_at",
    "user_name",
)


def activity_out(activity: Activity) -> dict[str, Any]:
    """An activity as the API shows it."""
    return _written({field: getattr(activity, field) for field in OUT})


def activities_out(activities: Any) -> list[dict[str, Any]]:
    """Many of them, straight from the columns."""
    return [_written(row) for row in activities.values(*OUT)]


def _written(row: dict[str, Any]) -> dict[str, Any]:
    row["activity_date"] = row["activity_date"].isoformat()
    row["created_at"] = iso(row["created_at"])
    return row
