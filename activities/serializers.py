"""Activities on the wire. The rules judge (``activities/rules.py``); the serializers describe the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from activities import rules
from activities.limits import MOST_TEXT, TOO_MANY
from activities.models import Activity
from crm_project.api.fields import DAY, TIMESTAMP, Described, JSONSchema, integer, text
from crm_project.api.schema import one_or_many, operation, refusal
from crm_project.api.times import iso
from crm_project.values import BIGGEST_32
from leads.rules import LONGEST_TEXT
from leads.serializers import LEAD_ID, PAGE
from users.actors import Door

# Lists tell of the leads that were merged into one (ids), and of activities that were taken back (titles).
ANY_VALUE: JSONSchema = {
    "type": ["string", "integer", "boolean", "array"],
    "items": {"type": ["string", "integer"]},
}
KINDS = "created, imported, changed, deleted, restored, merged, activity (logged), undone (an import), …"
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
    row = {field: getattr(activity, field) for field in OUT}
    return row | {"activity_date": activity.activity_date.isoformat(), "created_at": iso(activity.created_at)}


class ActivityCreateSerializer(serializers.Serializer[Any]):
    """A new activity."""

    activity_type = Described(
        text(rules.LONGEST_TYPE, 1, "Any word, kept in lower case: call, email, meeting, note, …", examples=["call"])
    )
    title = Described(text(rules.LONGEST_TITLE, 1, examples=["Intro call"]))
    notes = Described(text(LONGEST_TEXT, examples=["Talked about financing"]), required=False, allow_null=True)
    duration = Described(integer(0, BIGGEST_32, examples=[12]), required=False, allow_null=True, help_text="Minutes")
    activity_date = Described(DAY, help_text="The day it was done; a timestamp of its midnight will do")


class ActivityOutSerializer(serializers.Serializer[Any]):
    """An activity."""

    id = serializers.IntegerField()
    lead_id = serializers.IntegerField()
    user_id = serializers.IntegerField()
    activity_type = serializers.CharField()
    title = serializers.CharField()
    notes = serializers.CharField(allow_null=True)
    duration = serializers.IntegerField(allow_null=True, help_text="Minutes")
    activity_date = Described(DAY)
    created_at = Described(TIMESTAMP)
    user_name = serializers.CharField(help_text="First and last name of the author as of writing")


class ChangedFieldSerializer(serializers.Serializer[Any]):
    """One field that a change gave another value."""

    field = serializers.CharField()
    old = Described(ANY_VALUE, allow_null=True)
    new = Described(ANY_VALUE, allow_null=True)


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """What somebody did to a lead."""

    id = serializers.CharField(help_text="Tells the entries of a lead apart")
    at = Described(TIMESTAMP)
    kind = Described({"type": "string", "examples": ["changed"], "description": KINDS})
    door = Described({"type": "string", "enum": [*Door.values, None]}, allow_null=True, help_text="null: not known")
    user_id = serializers.IntegerField(allow_null=True, help_text="null where an operator ran a command")
    user_name = serializers.CharField(help_text="First and last name as of writing, or the operator's login name")
    import_run = serializers.IntegerField(allow_null=True, help_text="The number of the import that did it")
    activity_id = serializers.IntegerField(allow_null=True)
    about = serializers.CharField(help_text="The activity's type and title, or the imported file's name")
    changes = ChangedFieldSerializer(many=True)


HISTORY = {
    "list": operation(
        "list_history",
        "Leads",
        "List a lead's history",
        "One page of who did what to an active lead and when, newest first. A new lead's own entry has no changes: its "
        "values are those of now, less the changes since.",
        parameters=[LEAD_ID, *PAGE],
        responses={200: OpenApiResponse(HistoryEntrySerializer(many=True), description="The entries of the page")},
    )
}
OPERATIONS = {
    "list": operation(
        "list_activities",
        "Activities",
        "List a lead's activities",
        "All of them, latest first.",
        parameters=[LEAD_ID],
        responses={200: OpenApiResponse(ActivityOutSerializer(many=True), description="The activities")},
    ),
    "create": operation(
        "create_activities",
        "Activities",
        "Create an activity, or many",
        "One activity from an object; from an array all of its activities, in its order, or none. "
        "The author is the token's user.",
        parameters=[LEAD_ID],
        request=one_or_many(ActivityCreateSerializer, "ActivityCreateOneOrMany"),
        responses={
            201: OpenApiResponse(
                one_or_many(ActivityOutSerializer, "ActivityOutOneOrMany"),
                description="An object for an object, else an array",
            ),
            400: refusal("An empty list, or rows that the database refused; nothing was stored"),
            409: refusal(f"{TOO_MANY}, with {MOST_TEXT >> 20} MB of text; nothing was stored"),
        },
    ),
}
