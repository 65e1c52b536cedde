"""Serializers of activities: ``activities/validators.py`` validates input; output is a row of ``OUT``."""

from typing import Any

from rest_framework import serializers

from activities import validators
from activities.models import Activity
from crm_project.http.serializers import RowSerializer, RuleSerializer, SchemaField
from crm_project.http.timestamps import iso
from crm_project.json_schema import IDENTIFIER, TIMESTAMP, JSONSchema
from users.audit import Channel

# Lists are the ids of leads that were merged into one, and the titles of activities that an undo deleted.
ANY_VALUE: JSONSchema = {
    "type": ["string", "integer", "boolean", "array"],
    "items": {"type": ["string", "integer"]},
}
KINDS = (
    "created, imported, changed, deleted, restored, merged, activity (logged), activity_changed, activity_deleted, "
    "undone (an import), …"
)
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
    """Return an activity as the API shows it."""
    row = {field: getattr(activity, field) for field in OUT}
    return row | {"activity_date": activity.activity_date.isoformat(), "created_at": iso(activity.created_at)}


class ActivityOutSerializer(RowSerializer):
    """An activity."""

    field_rules = validators.CREATE_RULES
    about = {
        "id": {"examples": [3]},
        "user_id": {"examples": [1]},
        "duration": {"description": "Minutes"},
        "user_name": {"description": "First and last name of the author as of writing", "examples": ["Agent One"]},
    }

    class Meta:
        model = Activity
        fields = OUT

    def to_representation(self, instance: Activity) -> dict[str, Any]:
        """Return the object of the response, equal to a row of ``activities.sql``."""
        return activity_out(instance)


class ActivityCreateSerializer(RuleSerializer):
    """A new activity."""

    field_rules = validators.CREATE_RULES
    output_class = ActivityOutSerializer


class ActivityUpdateSerializer(ActivityCreateSerializer):
    """The fields of an activity to change; the others remain unchanged."""

    optional = True


class ChangedFieldSerializer(serializers.Serializer[Any]):
    """A changed field, with its old and its new value."""

    field = SchemaField({"type": "string", "examples": ["status"]})
    old = SchemaField({**ANY_VALUE, "examples": ["new"]}, allow_null=True)
    new = SchemaField({**ANY_VALUE, "examples": ["contacted"]}, allow_null=True)


class HistoryEntrySerializer(serializers.Serializer[Any]):
    """An entry of a lead's history."""

    id = SchemaField({"type": "string", "examples": ["change-7"]}, help_text="Unique among the entries of a lead")
    at = SchemaField(TIMESTAMP)
    kind = SchemaField({"type": "string", "examples": ["changed"], "description": KINDS})
    channel = SchemaField(
        {"type": "string", "enum": [*Channel.values, None]}, allow_null=True, help_text="null: not known"
    )
    user_id = SchemaField(IDENTIFIER, allow_null=True, help_text="null where an operator ran a command")
    user_name = SchemaField(
        {"type": "string", "examples": ["Agent One"]},
        help_text="First and last name as of writing, or the operator's login name",
    )
    import_run = SchemaField(IDENTIFIER, allow_null=True, help_text="The number of the import that did it")
    activity_id = SchemaField(IDENTIFIER, allow_null=True)
    about = SchemaField(
        {"type": "string", "examples": [""]}, help_text="The activity's type and title, or the imported file's name"
    )
    changes = ChangedFieldSerializer(many=True)


class WordSerializer(serializers.Serializer[Any]):
    """A word, and how many active leads (or activities of active leads) have it."""

    value = SchemaField({"type": "string", "examples": ["website"]})
    count = SchemaField({"type": "integer", "minimum": 0, "examples": [12]})


class StatusWordSerializer(WordSerializer):
    """A status, and how many active leads are in it."""

    value = SchemaField({"type": "string", "examples": ["new"]})
    pipeline = SchemaField({"type": "boolean"}, help_text="Whether it is one of the known statuses")
    open = SchemaField({"type": "boolean"}, help_text="Whether something is still to be done: neither closed nor lost")


class VocabularySerializer(serializers.Serializer[Any]):
    """The words that leads and activities use."""

    statuses = StatusWordSerializer(many=True, help_text="In pipeline order, those without leads too; then others")
    sources = WordSerializer(many=True, help_text="Spellings of one source are one entry")
    activity_types = WordSerializer(many=True)
    tags = WordSerializer(many=True)
